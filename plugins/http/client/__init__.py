"""How a service is asked, whatever the protocol.

:mod:`.service` sends a request at its turn (:mod:`.pacing`) until it is answered, :mod:`.exchange`
sends it once and judges the answer, and :mod:`.faults` says what may go wrong. :mod:`.connections`
is the HTTP client; :mod:`.wire` and :mod:`.addresses` say where connections may go and when they
end. :mod:`.credentials` puts the key, and a plugin's signature, into requests. :mod:`.api_key`
keeps the key out of all that is written, and :mod:`.literal_keys` out of experiments.
:mod:`.options` has the options of all that.
"""
