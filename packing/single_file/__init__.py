"""What a single file starts with: find or make the unpacked folder, then run the command there.

It is copied into each file and imports the standard library only.
"""
