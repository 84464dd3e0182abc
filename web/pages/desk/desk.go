// Package desk has the pages about what concerns all DAGs: the health of what works here, files that cannot be loaded, who
// changed what, which processes work, and what the sandbox was sent.
package desk

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/page"
)

// Options are what the pages stand on. All are required.
type Options struct {
	// Overview and Files are for whoever asks, who is in the context.
	Overview func(ctx context.Context) *overview.Overview
	Files    func(ctx context.Context) *files.Files
	// Health is how things are, as of at most a second ago; nil when ctx ends first.
	Health func(ctx context.Context) *health.Health
	// Nodes are the processes that have worked since a moment, see [nodes.List].
	Nodes func(ctx context.Context, since time.Time) ([]nodes.Node, error)
	// Drain has one of them take no more attempts, or take them again.
	Drain func(ctx context.Context, id string, on bool) error
	// Browse lists what runs, for whoever asks.
	Browse *browse.Browser
	// Inbox is that of the sandbox.
	Inbox *inbox.Inbox
	// Node is the process that serves.
	Node Node
}

// Node is a process.
type Node struct {
	// Host is its machine, Version that of the program.
	Host, Version string
	// Workers is how many tasks run in it at once.
	Workers int
}

// Desk has the pages. Make one with [New].
type Desk struct{ o Options }

// New returns the pages.
func New(o Options) *Desk { return &Desk{o} }

// Pages are their paths.
func (d *Desk) Pages() page.Family {
	return page.Family{
		Shows: map[string]page.Handler{
			"/system":        d.showSystem,
			"/import_errors": d.showFiles,
			"/audit":         d.showAudit,
			"/nodes":         d.showNodes,
			"/sandbox":       d.showInbox,
		},
		Acts: map[string]page.Handler{
			"/nodes": page.Configured(d.drainNode),
		},
	}
}

// systemData is how things are.
type systemData struct {
	// Health is nil when it is not known.
	Health *health.Health
	Node   Node
}

func (d *Desk) showSystem(r page.Request) error {
	return r.Show(page.Head{Name: "desk_system", Nav: "system", Title: r.Say("system.title"), Live: true}, systemData{d.o.Health(r.HTTP().Context()), d.o.Node})
}

// filesData are DAG files with something wrong in them.
type filesData struct {
	Files []files.File
	// Warnings says that files with nothing worse are shown too.
	Warnings bool
}

// showFiles shows what is wrong with the DAG files, as far as whoever asks sees it.
func (d *Desk) showFiles(r page.Request) error {
	data := filesData{Warnings: r.HTTP().URL.Query().Get("warnings") != ""}
	var err error
	if data.Files, err = d.o.Files(r.HTTP().Context()).List(r.HTTP().Context(), data.Warnings); err != nil {
		return err
	}
	return r.Show(page.Head{Name: "desk_files", Nav: "system", Title: r.Say("files.title"), Live: true}, data)
}
