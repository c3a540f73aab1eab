"""The functions of a CPPN: activations, aggregations, colour maps, inputs."""
