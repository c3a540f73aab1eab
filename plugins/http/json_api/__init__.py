"""Any API that answers in JSON.

:mod:`.api` writes requests by :mod:`.templates`, and reads answers by :mod:`.expressions`;
:mod:`.options` says which, and :mod:`.presets` knows them for some public APIs.
"""
