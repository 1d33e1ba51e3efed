"""Rules RB300 to RB399: the inventory."""

from runbook_engine.model.rule import Rule, error, warning

INVENTORY_RULES: tuple[Rule, ...] = (
    error(
        "RB301",
        "the inventory can be read",
        """
A source, or a file of group_vars or host_vars, is missing, too large, not a regular file, or may not be read by you.
Bad:  runbook plan region-failover -i inventories/no-such-folder
Good: runbook plan region-failover -i inventories/demo
""",
    ),
    error(
        "RB302",
        "the inventory stays in its folders",
        """
Files of an inventory lie in the project or beside the source that you named. A link that leads elsewhere could bring
any file of this machine into variables and messages, so it is refused; so is a folder that contains itself.
Bad:  inventories/demo/group_vars/all.yml -> /etc/shadow
Good: inventories/demo/group_vars/all.yml -> ../../shared/all.yml, inside the project
""",
    ),
    error(
        "RB303",
        "an inventory program is safe to run",
        """
An executable source is run, in your name. So it must belong to you or to root, and neither the file nor its folder may
be writable by everybody.
Bad:  inventories/demo/hosts.py with mode 0777
Good: inventories/demo/hosts.py with mode 0755
""",
    ),
    error(
        "RB304",
        "inventory plugins are those that are known",
        """
A YAML source with `plugin:` asks a plugin. There are `constructed`, which makes groups and variables of hosts that
earlier sources named, and `aws_ec2`. Other plugins are not run.
Bad:  plugin: my_company.cmdb
Good: plugin: constructed
""",
    ),
    error(
        "RB305",
        "what ansible-vault encrypted can be decrypted",
        """
The password comes from the file that RUNBOOK_VAULT_PASSWORD_FILE or ANSIBLE_VAULT_PASSWORD_FILE names, or from
RUNBOOK_VAULT_PASSWORD. Single values (!vault) and files of group_vars and host_vars may be encrypted, sources of hosts
not.
Bad:  a !vault value, and no password or a wrong one
Good: RUNBOOK_VAULT_PASSWORD_FILE=~/.vault-password runbook plan region-failover
""",
    ),
    error(
        "RB306",
        "an INI inventory has sections, hosts, children and variables",
        """
Each line is a section header, a host with variables (name=value), a child group, or a variable of a group.
Bad:  [web servers]
Good: [web_servers]
""",
    ),
    error(
        "RB307",
        "groups that are mentioned are defined",
        """
A [group:children] section names a group, or a [group:vars] section belongs to one, that no source defines.
Bad:  [prod:children] with a line wbe, when there is a [web]
Good: [prod:children] with a line web
""",
    ),
    error(
        "RB308",
        "groups form a tree of reasonable depth, without cycles",
        """
A group can't contain itself, directly or through others; `ungrouped` belongs to `all` alone; and nesting is bounded by
`limits.depth` of runbook.toml.
Bad:  [a:children] b and [b:children] a
Good: [a:children] b
""",
    ),
    error(
        "RB309",
        "names of hosts and groups are harmless",
        """
Names appear in command lines, file names and on screens. They are not empty, don't begin with '-', hold no blanks,
control or invisible characters, and have at most 255 characters.
Bad:  -oProxyCommand=evil
Good: web1 ansible_host=192.0.2.1
""",
    ),
    error(
        "RB310",
        "ranges of hosts make sense",
        """
A range is [begin:end] or [begin:end:step] of whole numbers or single letters, its begin not after its end. With a
leading zero, begin and end have the same length.
Bad:  web[1:x], web[5:1], web[01:100]
Good: web[001:100]
""",
    ),
    error(
        "RB311",
        "a YAML inventory is a mapping of groups",
        """
The file is a mapping of group names; each group is a mapping with hosts, vars and children; these are mappings too.
Bad:  web: [web1, web2]
Good: web: {hosts: {web1: , web2: }}
""",
    ),
    warning(
        "RB312",
        "groups have hosts, vars and children, nothing else",
        """
Another key of a group is ignored, as Ansible does; most often it is a misspelled `hosts`.
Bad:  web: {host: {web1: }}
Good: web: {hosts: {web1: }}
""",
    ),
    warning(
        "RB313",
        "a name is a host's or a group's, not both",
        """
Ansible gives variables on the host's line to the group of the same name, and a pattern of that name means the host.
Bad:  [bastion] with a line: bastion ansible_user=admin
Good: [bastions] with a line: bastion ansible_user=admin
""",
    ),
    error(
        "RB314",
        "a file of variables is a mapping",
        """
Files in group_vars and host_vars hold names and values.
Bad:  - region: eu-west-1
Good: region: eu-west-1
""",
    ),
    error(
        "RB315",
        "variables of the connection are plain values",
        """
Inventory variables are data and never rendered. A connection would take the text of the template for the address.
Bad:  ansible_host: "{{ inventory_hostname }}.example.com"
Good: ansible_host: web1.example.com
""",
    ),
    warning(
        "RB316",
        "templates in inventory variables are not rendered",
        """
Ansible would render this value where it is used. Here inventory variables are data, so that whoever can change an
inventory can't run code in the engine: the text stays as it is.
Bad:  url: "https://{{ domain }}/"
Good: domain: example.com, and the template in the runbook's vars
""",
    ),
    error(
        "RB317",
        "ssh options run no programs",
        """
ProxyCommand, LocalCommand, KnownHostsCommand and `Match exec` make ssh start a program on the machine of whoever runs
the runbook; an inventory must not be able to do that.
Bad:  ansible_ssh_common_args: -o ProxyCommand="ssh -W %h:%p bastion"
Good: jump_host: bastion
""",
    ),
    error(
        "RB318",
        "ansible_group_priority is a whole number",
        """
Of two groups of the same depth the one with the greater priority wins.
Bad:  ansible_group_priority=high
Good: ansible_group_priority=10
""",
    ),
    error(
        "RB319",
        "an inventory has a bounded number of hosts",
        """
At most a tenth of `limits.nodes` (100,000 unless runbook.toml says otherwise), so that a range with a digit too many
doesn't fill the memory.
Bad:  web[1:10000000]
Good: web[1:1000]
""",
    ),
    error(
        "RB320",
        "an inventory is INI, YAML or JSON",
        """
TOML sources, which Ansible reads, are not read here.
Bad:  inventories/demo/hosts.toml
Good: inventories/demo/hosts.yml
""",
    ),
    warning(
        "RB321",
        "names of variables can be used in templates",
        """
A name of other characters than letters, digits and underscores, or one that begins with a digit, is kept, but a
template can't say it plainly.
Bad:  db-name: reviews
Good: db_name: reviews
""",
    ),
    warning(
        "RB322",
        "runbook_drill belongs to group all",
        """
An inventory as a whole is a drill's or it is not; on another group the variable has no effect.
Bad:  [web:vars] with a line runbook_drill=true
Good: [all:vars] with a line runbook_drill=true
""",
    ),
    error(
        "RB323",
        "runbook_drill is true or false",
        """
A value that is neither would leave open whether messages go to real customers.
Bad:  runbook_drill: maybe
Good: runbook_drill: true
""",
    ),
    warning(
        "RB324",
        "a source folder holds sources",
        """
The folder has no file that could be an inventory; hidden files, group_vars, host_vars and files that end in ~, .bak,
.cfg, .md, .orig, .pyc, .pyo, .retry, .rpm, .rst, .swp or .txt are no sources. Only localhost is left.
Bad:  inventories/demo/ with nothing but hosts.bak
Good: inventories/demo/hosts
""",
    ),
    error(
        "RB325",
        "an inventory program prints its hosts",
        """
Called with --list, an executable source ends with status 0 within 30 seconds and prints JSON of at most 16 MiB: groups
with hosts, vars and children, and variables by host below _meta.hostvars (else it is called with --host for each).
Bad:  {"web": {"hosts": "web1"}}
Good: {"web": {"hosts": ["web1"]}, "_meta": {"hostvars": {"web1": {"ansible_host": "192.0.2.1"}}}}
""",
    ),
    error(
        "RB326",
        "settings of an inventory plugin make sense",
        """
Settings have the names and kinds that Ansible knows, and expressions can be evaluated: literal text in quotes of its
own, no lookups, no method calls. With `strict: true` each must give a value for every host.
Bad:  compose: {zone: region.split('-')[0]}
Good: compose: {zone: "region | regex_replace('-.*', '')"}
""",
    ),
    error(
        "RB327",
        "EC2 answers, and each instance has a name of its own",
        """
An aws_ec2 source asks EC2 in each of its regions, with your environment's credentials, when the inventory is loaded.
Two instances of one name would be one host.
Bad:  hostnames: ["tag:Name"], when all web servers have the same Name
Good: hostnames: [instance-id]
""",
    ),
    error(
        "RB328",
        "variables of the connection have a value that means something",
        """
How a host is reached stands in variables of Ansible's names. A value that nothing can mean would be found only when
the host is needed. Values that are templates are not judged here, and are refused by RB315.
Bad:  ansible_port: ssh
Good: ansible_port: 22
""",
    ),
    warning(
        "RB329",
        "hosts are reached by ssh, aws_ssm, or are this machine",
        """
Ansible has more connections. Such a host can be in the inventory, and steps that look at it from outside work, but no
command can be run on it.
Bad:  ansible_connection: winrm
Good: ansible_connection: ssh
""",
    ),
)
