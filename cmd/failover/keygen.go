package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/peer"
)

func (c *cli) keygenCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make this director's key for the peer link, and print its public half",
		Long: `Make this director's private key (Ed25519), in a file that only root can read, and
print the line that goes into the [director.NAME] table of the configuration. The
private key never leaves this machine. A key that is there is kept: its public half
is printed again.`,
		Example: `  failover keygen
  failover keygen --key ./lb1.key`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("key") {
				path = c.keyPath()
			}
			return c.keygen(path)
		},
	}
	cmd.Flags().StringVar(&path, "key", "", "the `file` of the private key; default: daemon.private_key of the configuration")
	return cmd
}

// keyPath is where the configuration has the private key; it need not be there yet.
func (c *cli) keyPath() string {
	if d, err := conf.Peek(c.file); err == nil {
		return d.Daemon.PrivateKey
	}
	return conf.DefaultDaemon().PrivateKey
}

func keygenHint(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "make its folder first, or name another file with --key"
	case errors.Is(err, os.ErrPermission):
		return "it takes root, or another file with --key"
	}
	return ""
}

func (c *cli) keygen(path string) error {
	key, made, err := peer.MakeKey(path)
	if err != nil {
		return &failure{exitFailed, err, keygenHint(err)}
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return &failure{code: exitFailed, err: fmt.Errorf("%s has no public key", path)} // Ed25519 always has
	}
	if made {
		fmt.Fprintf(c.err, "made %s, which stays on this machine\n", path)
	} else {
		fmt.Fprintf(c.err, "%s is there already and is kept\n", path)
	}
	fmt.Fprintf(c.out, "public_key = %q\n", peer.PublicText(public))
	return nil
}
