"""Libraries of AWS's framework images that scripts import, under their names: each folder here is such a package.

Units find this folder last, so that the real library comes first where a script's requirements bring it. Of each
library there is what scripts use; what they only import is there as a name. What these do is the toolkit's own.
"""
