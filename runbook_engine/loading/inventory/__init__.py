"""Reading inventories the way Ansible does: INI, YAML and JSON sources, group_vars and host_vars, precedence."""
