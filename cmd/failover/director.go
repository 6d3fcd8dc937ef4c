package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"failover/conf"
	"failover/internal/director"
	"failover/internal/ipc"
)

// lineDescriptor is where the engine puts the director's end of the line.
const lineDescriptor = 3

func (c *cli) directorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "director",
		Short:   "The second process of run; not for people",
		Example: "  failover run   # starts it",
		Hidden:  true,
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return c.director() },
	}
	c.nodeFlag(cmd)
	return cmd
}

// director runs until the engine has gone. What ends it is told to the engine,
// which has the word towards the user.
func (c *cli) director() error {
	line, err := ipc.OpenDirector(lineDescriptor)
	if err != nil {
		return &failure{exitUsage, errors.New("director has no line to an engine"), "failover run starts it"}
	}
	level := &slog.LevelVar{}
	format := ""
	if d, err := conf.Load(c.file); err == nil {
		format = d.Daemon.LogFormat
		_ = level.UnmarshalText([]byte(d.Daemon.LogLevel)) // the configuration knows only right ones
	}
	log := newLogger(os.Stderr, format, level).With("process", "director")
	err = director.Run(context.Background(), director.Options{
		File: c.file, Node: c.node, Version: buildVersion(), Line: line, Log: log, LogLevel: level,
		Parts: director.MachineParts(log),
	})
	if err != nil {
		return quiet(exitFailed)
	}
	return nil
}
