// Package assets has the pages of assets: which there are, what updates them and what they start, as lists and as graphs.
package assets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/web/pages/page"
)

const (
	// perPage is how many assets a page of the list has, perEvents how many updates that of one.
	perPage   = 50
	perEvents = 25
	// mostNamed is how many tasks or DAGs a row of the list names.
	mostNamed = 4
)

// Options are what the pages stand on. All are required.
type Options struct {
	// Browse shows whoever is in the context what they may see.
	Browse *browse.Browser
	// API and Emitter are for whoever asks, who is in the context.
	API     func(ctx context.Context) *api.API
	Emitter func(ctx context.Context) (*emit.Emitter, error)
}

// Assets has the pages. Make one with [New].
type Assets struct{ o Options }

// New returns the pages.
func New(o Options) *Assets { return &Assets{o} }

// Pages are their paths.
func (a *Assets) Pages() page.Family {
	return page.Family{
		Shows: map[string]page.Handler{
			"/assets":            a.list,
			"/assets/graph":      a.graph,
			"/assets/{asset_id}": a.show,
		},
		Acts: map[string]page.Handler{
			"/assets/{asset_id}/emit":        a.emit,
			"/assets/{asset_id}/materialize": a.materialize,
		},
	}
}

// listData is a page of the list.
type listData struct {
	page.Pager

	Rows []row
	// Total is how many there are on all pages.
	Total int
	// Query, DAGID and Gone are the filters as they were sent.
	Query, DAGID string
	Gone         bool
	Filtered     bool
}

// row is an asset of the list.
type row struct {
	*browse.Asset

	Made, Starts named
	// Told is how many DAGs have been told of an update that no run has taken yet, Since the first of them.
	Told  int
	Since time.Time
}

// named are the first of some tasks or DAGs, and how many more there are.
type named struct {
	First []browse.Reference
	More  int
}

func namedOf(all []browse.Reference) named {
	n := min(len(all), mostNamed)
	return named{all[:n], len(all) - n}
}

func (a *Assets) list(r page.Request) error {
	q, ctx := r.HTTP().URL.Query(), r.HTTP().Context()
	n, err := page.At(r.HTTP())
	if err != nil {
		return err
	}
	d := listData{Query: strings.TrimSpace(q.Get("q")), DAGID: strings.TrimSpace(q.Get("dag_id")), Gone: q.Get("gone") != ""}
	f := browse.AssetFilter{Text: d.Query, Gone: d.Gone}
	if d.DAGID != "" {
		f.DAGIDs = []string{d.DAGID}
	}
	found, total, err := a.o.Browse.Assets(ctx, f, browse.Page{Limit: perPage, Offset: (n - 1) * perPage, Order: []browse.Key{{Name: "name"}}})
	if err != nil {
		return err
	}
	queued, err := a.o.Browse.Queued(ctx, "", 0, time.Time{})
	if err != nil {
		return err
	}
	d.Pager, d.Total, d.Filtered = page.Paged(n, total, perPage), total, d.Query+d.DAGID != "" || d.Gone
	for _, x := range found {
		one := row{Asset: x, Made: namedOf(x.Producers), Starts: namedOf(x.Consumers)}
		for _, e := range queued {
			if e.Asset.ID != x.ID {
				continue
			}
			if one.Told++; one.Since.IsZero() || e.First.Before(one.Since) {
				one.Since = e.First
			}
		}
		d.Rows = append(d.Rows, one)
	}
	return r.Show(page.Head{Name: "assets_list", Nav: "assets", Title: r.Say("assets.title"), Live: true}, d)
}

// assetData is one asset.
type assetData struct {
	page.Pager
	*browse.Asset

	// More is what files say besides, empty for nothing.
	More    string
	Starts  []started
	Updates []update
	Graph   *drawing
	// Emits says that whoever asks may say that it was updated, and Maker is the DAG that he may have make it.
	Emits bool
	Maker string
	// Extra is the form as it was sent, Problem what is wrong with it.
	Extra, Problem string
}

// started is a DAG that waits for updates.
type started struct {
	DAGID string
	// Told is since when it has been told of one that no run has taken, zero for none.
	Told time.Time
}

// update is one of the asset.
type update struct {
	*browse.AssetEvent

	// More is what came with it, secrets masked.
	More string
}

func (a *Assets) asset(r page.Request) (*browse.Asset, error) {
	id, err := page.Number(r.HTTP().PathValue("asset_id"))
	if err != nil {
		return nil, err
	}
	return a.o.Browse.Asset(r.HTTP().Context(), id)
}

func (a *Assets) show(r page.Request) error {
	x, err := a.asset(r)
	if err != nil {
		return err
	}
	return a.shown(r, x, "", "")
}

// shown shows an asset with a form, and what is wrong with it.
func (a *Assets) shown(r page.Request, x *browse.Asset, extra, problem string) error {
	ctx := r.HTTP().Context()
	n, err := page.At(r.HTTP())
	if err != nil {
		return err
	}
	d := assetData{
		Asset: x, More: r.Mask(indented(x.Extra)), Maker: a.o.Browse.Maker(ctx, x), Emits: x.Active && a.o.Browse.MayUpdate(ctx, x) == nil, Extra: extra, Problem: problem,
	}
	queued, err := a.o.Browse.Queued(ctx, "", x.ID, time.Time{})
	if err != nil {
		return err
	}
	for _, c := range x.Consumers {
		one := started{DAGID: c.DAGID}
		for _, e := range queued {
			if e.DAGID == c.DAGID {
				one.Told = e.First
			}
		}
		d.Starts = append(d.Starts, one)
	}
	events, total, err := a.o.Browse.AssetEvents(ctx, browse.AssetEventFilter{}, &x.ID, nil, browse.Page{Limit: perEvents, Offset: (n - 1) * perEvents, Order: []browse.Key{{Name: "timestamp", Desc: true}}})
	if err != nil {
		return err
	}
	d.Pager = page.Paged(n, total, perEvents)
	for _, e := range events {
		d.Updates = append(d.Updates, update{e, r.Mask(indented(e.Extra))})
	}
	if x.Active {
		all, err := a.o.Browse.AssetMap(ctx)
		if err != nil {
			return err
		}
		if d.Graph, err = draw(r, all, x); err != nil {
			return err
		}
	}
	return r.Show(page.Head{Name: "assets_one", Nav: "assets", Title: x.Name + " · " + r.Say("assets.title"), Status: page.Status(problem), Live: true}, d)
}

// indented is a JSON object with line breaks, empty for one that says nothing.
func indented(extra json.RawMessage) string {
	var object map[string]any
	if json.Unmarshal(extra, &object) != nil || len(object) == 0 {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, extra, "", "  ") != nil {
		return string(extra)
	}
	return b.String()
}

// refused says to people that they may not, and leaves other errors.
func refused(err error) error {
	if _, ok := errors.AsType[*access.DeniedError](err); ok {
		return page.Forbidden()
	}
	return err
}

// emit says that an asset was updated by something outside.
func (a *Assets) emit(r page.Request) error {
	x, err := a.asset(r)
	if err != nil {
		return err
	}
	ctx := r.HTTP().Context()
	if err := a.o.Browse.MayUpdate(ctx, x); err != nil {
		return refused(err)
	}
	extra := strings.TrimSpace(r.HTTP().PostForm.Get("extra"))
	m, err := a.o.Emitter(ctx)
	if err != nil {
		return err
	}
	e := emit.Event{Asset: x.URI}
	if extra != "" {
		e.Extra = json.RawMessage(extra)
	}
	if _, err := m.Emit(ctx, e); err != nil {
		if bad, ok := errors.AsType[*api.FieldError](err); ok {
			return a.shown(r, x, extra, r.Said(bad))
		}
		return err
	}
	return r.Go(r.Link("assets", x.ID))
}

// materialize starts the DAG that makes an asset, and leads to its run.
func (a *Assets) materialize(r page.Request) error {
	x, err := a.asset(r)
	if err != nil {
		return err
	}
	ctx := r.HTTP().Context()
	by := a.o.Browse.Maker(ctx, x)
	if by == "" {
		return page.Forbidden()
	}
	done, err := a.o.API(ctx).Trigger(ctx, api.Trigger{DAGID: by})
	if err != nil {
		if problem := r.Mistake(err); problem != "" && !errors.Is(err, api.ErrNotFound) {
			return a.shown(r, x, "", problem)
		}
		return err
	}
	return r.Go(r.Link("dags", by, "runs", done.Run.RunID))
}
