"""The rehearsal lab: an emulated cloud, status pages, mail and a small app, to fail over without risk."""
