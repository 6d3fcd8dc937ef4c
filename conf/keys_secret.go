package conf

// authSection is a secret that the file does not have itself.
var authSection = Section{
	Path: "virtual_router.NAME.auth",
	Keys: []Key{
		{Name: "file", Type: String, Implied: "none", Example: `"/etc/failover/auth"`, valid: absolutePath,
			Doc: "A file that has the secret as its only line, of root or of who runs the daemon, and of a mode that lets nobody else read it."},
		{Name: "credential", Type: String, Implied: "none", Example: `"vrrp-auth"`, valid: credentialName,
			Doc: "The name of a credential that systemd gives the service: LoadCredential= or LoadCredentialEncrypted= of its unit."},
	},
}
