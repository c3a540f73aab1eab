"""How genomes are sent to other processes."""

from neatfool.spec.encoding import Encoding
from neatfool.testing import ToyEncoding


class WithoutBytes(ToyEncoding):
    """An encoding that has text only."""

    to_bytes, from_bytes = Encoding.to_bytes, Encoding.from_bytes


def test_a_genome_is_sent_as_its_text_if_its_encoding_has_nothing_shorter():
    encoding = WithoutBytes()
    (genome,) = encoding.create([1])
    sent = encoding.to_bytes(genome)
    assert sent == encoding.dumps(genome).encode()
    assert encoding.from_bytes(sent) == genome
