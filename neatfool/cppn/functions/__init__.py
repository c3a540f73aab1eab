"""The functions that a CPPN is made of: activations, aggregations, colour maps, inputs."""
