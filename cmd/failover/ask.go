package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/view"
)

func (c *cli) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a configuration for every director",
		Example: `  failover validate
  failover validate ./failover.toml`,
		Args: oneArgument,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.file = args[0]
			}
			d, err := conf.Load(c.file)
			if err != nil {
				return c.invalid(err)
			}
			for _, w := range slices.Concat(d.Warnings, d.Unread) {
				fmt.Fprintf(c.err, "failover: warning: %v\n", w)
			}
			fmt.Fprintf(c.out, "%s: valid: %s\n", c.file, d.Summary())
			return nil
		},
	}
}

// invalid prints every error of a file and words the rest.
func (c *cli) invalid(err error) error {
	var list conf.Errors
	if !errors.As(err, &list) {
		hint := ""
		if errors.Is(err, os.ErrNotExist) {
			hint = "-c names another file; failover.reference.toml has every key"
		}
		return &failure{exitUsage, err, hint}
	}
	for _, e := range list {
		fmt.Fprintln(c.err, e.Error())
	}
	noun := "errors"
	if len(list) == 1 {
		noun = "error"
	}
	return &failure{code: exitUsage, err: fmt.Errorf("%s: %d %s", c.file, len(list), noun)}
}

func (c *cli) reloadCommand() *cobra.Command {
	var pair, dry bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Read the file again and bring the difference about",
		Long: `Read the file again and bring the difference about. On any error everything
stays as it was. The command returns when the difference is in force.

With --pair every director of the peer link checks its own file first; they must be
the same, and are taken into force on all directors or on none. With --dry-run it
only tells what would change.`,
		Example: `  failover reload
  failover reload --pair --dry-run
  failover reload --pair`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case pair:
				return c.reloadPair(dry)
			case dry:
				p, err := c.plan("daemon")
				if err != nil {
					return err
				}
				return c.showPlan(p)
			}
			return c.reload()
		},
	}
	cmd.Flags().BoolVar(&pair, "pair", false, "on every director, or on none")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "tell what would change, and change nothing")
	c.socketFlag(cmd)
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) reload() error {
	ctx, stop := interruptible()
	defer stop()
	r, err := c.client().Reload(ctx)
	if err != nil {
		c.details(err)
		return asked(err)
	}
	if c.json {
		err = c.writeJSON(r)
	} else if err = view.Changes(c.out, r.Changes); len(r.Changes) == 0 {
		fmt.Fprintln(c.out, "nothing changed")
	}
	return partly(err, r.Problems)
}

// partly is the end of a command part of which could not be carried out.
func partly(err error, problems []string) error {
	if err == nil && len(problems) > 0 {
		return &failure{exitFailed, errors.New(strings.Join(problems, "; ")), "the rest is in force; failover status shows the whole"}
	}
	return err
}

// reloadPair reloads both directors, or tells what that would change; then the exit
// code is that of plan.
func (c *cli) reloadPair(dry bool) error {
	ctx, stop := interruptible()
	defer stop()
	r, err := c.client().ReloadPair(ctx, api.PairReload{DryRun: dry})
	if err != nil {
		c.details(err)
		return asked(err)
	}
	if c.json {
		err = c.writeJSON(r)
	} else {
		err = view.PairReloaded(c.out, r)
	}
	var problems []string
	changes := 0
	for _, d := range r.Directors {
		changes += len(d.Changes)
		for _, p := range d.Problems {
			problems = append(problems, d.Name+": "+p)
		}
	}
	if err == nil && dry && changes > 0 {
		return quiet()
	}
	return partly(err, problems)
}

func (c *cli) statusCommand() *cobra.Command {
	var o view.StatusOptions
	cmd := &cobra.Command{
		Use:   "status [FILTER]",
		Short: "Show roles, addresses, virtual and real servers",
		Long: `Show both directors: roles, addresses, virtual and real servers, in one screen.
Without a peer link another director is shown as far as its adverts tell. FILTER
keeps what has it in its name. The exit code is 1 when something is wrong.`,
		Example: `  failover status
  failover status web --json
  failover status --down`,
		Args: oneArgument,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Filter = args[0]
			}
			ctx, stop := interruptible()
			defer stop()
			s, err := c.client().Status(ctx)
			if err != nil {
				return asked(err)
			}
			if c.json {
				err = c.writeJSON(view.Filter(s, o))
			} else {
				err = view.Status(c.out, s, o)
			}
			if err == nil && !s.Healthy {
				return quiet()
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&o.Down, "down", false, "show only what is not well")
	c.socketFlag(cmd)
	c.jsonFlag(cmd)
	return cmd
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this binary",
		Example: "  failover version",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(c.out, "failover %s\n", buildVersion())
			return nil
		},
	}
}

func (c *cli) writeJSON(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
