# What a user of the package can do wrong.
# SPDX-License-Identifier: Apache-2.0


class MaskError(ValueError):
    """Something given to the package that it cannot use; the text says what would do."""


class NotFinite(MaskError):
    """The loss or a weight is NaN or infinite; training cannot go on from here."""
