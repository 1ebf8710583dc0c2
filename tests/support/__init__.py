"""Stand-ins that speak the wire protocol on loopback, and starters of real servers."""
