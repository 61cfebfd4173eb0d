"""The errors a user can cause or mend. One tree, so that every door (command line, Dagster, DVC) reports them alike.

A message is one line: what is wrong, where (file, line or setting), and what would be right.
"""

from __future__ import annotations


class PickwiseError(Exception):
    """Base of every error that is shown to the user as one line, without a traceback, with exit code 2."""


class SettingsError(PickwiseError):
    """`params.yaml` holds something that cannot be accepted; the message names the key, the value and the choices."""


class SourceError(PickwiseError):
    """A source cannot be read at all; the message names the file or the data set."""


class DataError(PickwiseError):
    """The data cannot support what the settings ask for: an empty pool, an impossible budget, a missing label."""


class ModelError(PickwiseError):
    """A model cannot be found, verified or loaded; the message names it."""


class VersionError(PickwiseError):
    """A version cannot be made, found or restored; nothing was changed."""
