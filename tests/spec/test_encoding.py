"""How genomes are sent to other processes."""

from neatfool.spec.encoding import Encoding, read_sent, write_to_send
from neatfool.testing import ToyEncoding


class WithoutBytes(ToyEncoding):
    """An encoding that has text only."""

    to_bytes, from_bytes = Encoding.to_bytes, Encoding.from_bytes


class SomeWithoutBytes(ToyEncoding):
    """An encoding that has no bytes for genomes that begin with a large number."""

    def to_bytes(self, genome):
        return None if genome[0] > 0.5 else super().to_bytes(genome)


def test_a_genome_is_sent_as_bytes_if_its_encoding_has_them():
    encoding = ToyEncoding()
    (genome,) = encoding.create([1])
    sent = write_to_send(encoding, genome)
    assert isinstance(sent, bytes)
    assert read_sent(encoding, sent) == genome


def test_a_genome_is_sent_as_text_if_its_encoding_has_nothing_else():
    encoding = WithoutBytes()
    (genome,) = encoding.create([1])
    assert write_to_send(encoding, genome) == encoding.dumps(genome)
    assert read_sent(encoding, encoding.dumps(genome)) == genome


def test_a_genome_without_bytes_is_sent_as_text_among_others():
    encoding = SomeWithoutBytes()
    genomes = encoding.create(range(20))
    sent = [write_to_send(encoding, genome) for genome in genomes]
    assert {type(each) for each in sent} == {str, bytes}
    assert [read_sent(encoding, each) for each in sent] == genomes
