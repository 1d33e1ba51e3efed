"""Who makes the attempts: threads of this process, or workers on other machines."""
