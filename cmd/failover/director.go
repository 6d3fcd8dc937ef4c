package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

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
	// It leaves with its engine, which still needs it while it hands over: what a
	// terminal or a service manager sends to every process is the engine's to obey.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	line, err := ipc.OpenDirector(lineDescriptor)
	if err != nil {
		return &failure{exitUsage, errors.New("director has no line to an engine"), "failover run starts it"}
	}
	// By /proc/self/exe its name in ps and pgrep would be "exe".
	_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0o644)
	level := &slog.LevelVar{}
	format := ""
	if d, err := conf.Glance(c.file); err == nil {
		format = d.Daemon.LogFormat
		_ = level.UnmarshalText([]byte(d.Daemon.LogLevel)) // the configuration knows only right ones
	}
	log, flush := daemonLogger("director", format, level)
	defer flush()
	err = director.Run(context.Background(), director.Options{
		File: c.file, Node: c.node, Version: buildVersion(), Line: line, Log: log, LogLevel: level,
		Parts: director.MachineParts(log),
	})
	if err != nil {
		return quiet()
	}
	return nil
}
