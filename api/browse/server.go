package browse

import (
	"context"
	"slices"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/api/nodes"
)

// ImportErrors lists what cannot be loaded now, oldest first. Who is limited to some DAGs sees what is wrong with these, and with files
// that have those alone. Files are named from the folder of the DAG files on, see [Browser.Path].
func (b *Browser) ImportErrors(ctx context.Context) ([]files.ImportError, error) {
	mine, err := access.OnlyOf(ctx, b.Visible)
	if err != nil {
		return nil, err
	}
	all, err := files.ImportErrors(ctx, b.o.Store, mine, b.o.API.Mask)
	all = once(all)
	for i := range all {
		all[i].Filename = b.Path(all[i].Filename)
	}
	return all, err
}

// once leaves out what is told of a DAG when it is told of its file, as Airflow has it. The store keeps both: the one of the DAG says why its
// ticks started no run.
func once(all []files.ImportError) []files.ImportError {
	whole := map[string]bool{}
	for _, e := range all {
		whole[e.Filename] = whole[e.Filename] || e.DAGID == ""
	}
	return slices.DeleteFunc(all, func(e files.ImportError) bool { return e.DAGID != "" && whole[e.Filename] })
}

// Nodes lists the processes that have worked on the store, see [nodes.List].
func (b *Browser) Nodes(ctx context.Context) ([]nodes.Node, error) {
	if err := access.Check(ctx, access.Read, nil); err != nil {
		return nil, err
	}
	return nodes.List(ctx, b.o.Store, time.Time{})
}

// Lives lists the stretches of time in which a scheduler worked on the store, the newest first.
func (b *Browser) Lives(ctx context.Context) ([]nodes.Node, error) {
	if err := access.Check(ctx, access.Read, nil); err != nil {
		return nil, err
	}
	return nodes.Lives(ctx, b.o.Store, time.Time{})
}

// DrainNode has a node take no more attempts, or take them again, see [nodes.Drain].
func (b *Browser) DrainNode(ctx context.Context, name string, on bool) (nodes.Node, error) {
	if err := access.Check(ctx, access.Configure, nil); err != nil {
		return nodes.Node{}, err
	}
	return nodes.Drain(ctx, b.o.Store, name, on, Actor(ctx), b.o.Clock())
}

// Now is the time by which lists are made.
func (b *Browser) Now() time.Time { return b.o.Clock() }
