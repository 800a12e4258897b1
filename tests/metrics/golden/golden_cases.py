"""The signals behind the golden values: made from seeds, so that only the values need keeping. Needs numpy alone."""

import numpy as np

RATE = 8000


def noise(seed, *shape):
    """Uniform noise in [-1, 1) from the raw stream of PCG64, which numpy never changes."""
    bits = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    return (bits >> np.uint64(11)).astype(np.float64).reshape(shape) / 2.0**52 - 1.0


def _lowpassed(signal, cutoff):
    """Keeps the bins below `cutoff` of the Nyquist frequency: what is above is rounding noise."""
    spectrum = np.fft.rfft(signal)
    spectrum[..., int(cutoff * spectrum.shape[-1]) :] = 0
    return np.fft.irfft(spectrum, signal.shape[-1])


def _filtered(signal, taps):
    return np.convolve(signal, taps)[: len(signal)]


def _sources(seed, count, total):
    """Coloured noises that rise and fall, of different levels."""
    slow = np.repeat(np.abs(noise(seed + 1, count, total // 1000 + 1)), 1000, axis=1)[:, :total]
    coloured = [_filtered(noise(seed + 2 + i, total), 0.8 ** np.arange(10 + 20 * i)) for i in range(count)]
    return np.stack(coloured) * slow * (0.1 + np.arange(count))[:, None]


def _leaky(references, seed, leak, error):
    """Each source filtered, with some of the others and some noise."""
    count, total = references.shape
    estimates = np.empty_like(references)
    for i in range(count):
        own = _filtered(references[i], np.concatenate([[1.0], 0.1 * noise(seed + i, 30)]))
        others = _filtered(references.sum(0) - references[i], noise(seed + 50 + i, 20))
        estimates[i] = own + leak * others + error * noise(seed + 100 + i, total)
    return estimates


def shuffled():
    """Four sources, estimates in another order."""
    references = _sources(10, 4, 3 * RATE)
    return references, _leaky(references, 20, 0.05, 0.02)[[2, 0, 3, 1]]


def faithful():
    """Estimates so good that differences of energies would have lost their digits."""
    references = _sources(30, 2, 2 * RATE)
    return references, _leaky(references, 40, 1e-5, 1e-6)


def narrow():
    """References with nothing above an eighth of the band: an ill-conditioned Gram matrix."""
    references = _lowpassed(_sources(50, 2, 2 * RATE), 0.125)
    return references, _leaky(references, 60, 0.1, 0.01)


def uneven():
    """Sources 80 dB apart."""
    references = _sources(70, 2, 2 * RATE) * np.array([[1.0], [1e-4]])
    return references, references[::-1] * 0.01 + references + 1e-5 * noise(75, 2, 2 * RATE)


def short():
    """Shorter than the filters."""
    references = noise(80, 2, 700)
    return references, references + 0.3 * references[::-1] + 0.1 * noise(81, 2, 700)


def offset():
    """Mono sources with a constant offset, where centring matters."""
    references = _sources(90, 3, RATE) + np.array([[0.1], [-0.2], [0.0]])
    return references, _leaky(references, 95, 0.2, 0.05) * 0.7 + 0.05


def stereo():
    """Two stereo sources, (S, C, T), where the second is all zeros for the third second."""
    references = np.stack([_sources(110, 2, 4 * RATE), _sources(120, 2, 4 * RATE)])
    references[1, :, 2 * RATE : 3 * RATE] = 0.0
    estimates = references + 0.2 * references[::-1, ::-1] + 0.02 * noise(130, 2, 2, 4 * RATE)
    return references, estimates


VERSION_3 = {"shuffled": shuffled, "faithful": faithful, "narrow": narrow, "uneven": uneven, "short": short}
