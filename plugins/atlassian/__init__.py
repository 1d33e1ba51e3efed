"""The Atlassian family: Statuspage, Jira, Jira Service Management and Bitbucket, each by its REST interface."""
