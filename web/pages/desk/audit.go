package desk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/page"
)

// perPage is how many changes a page of the audit log has.
const perPage = 50

// auditData is a part of the audit log.
type auditData struct {
	Rows  []auditRow
	Older string
	// Kinds are the kinds of changes to choose from; the others are the filters as they were sent.
	Kinds                []string
	Kind, Owner, DAGID   string
	Since, Until, Before string
	Filtered             bool
	// Addresses says that it is shown from where changes came.
	Addresses bool
}

// auditRow is a change.
type auditRow struct {
	api.Event

	// Subject names what was changed that is of no DAG, More is what else there is to know; secrets masked.
	Subject, More string
	// Gone says that the DAG or the run is no longer there.
	Gone bool
}

// showAudit shows who changed what. Changes of what concerns all DAGs, and from where changes came, are for those who may make the former.
func (d *Desk) showAudit(r page.Request) error {
	f, ctx := r.HTTP().URL.Query(), r.HTTP().Context()
	data := auditData{
		Kinds: api.EventKinds(), Kind: f.Get("event"), Owner: strings.TrimSpace(f.Get("owner")), DAGID: strings.TrimSpace(f.Get("dag_id")), Since: f.Get("since"),
		Until: f.Get("until"), Before: f.Get("before"), Addresses: r.Who().Configures,
	}
	q := api.EventQuery{DAGID: data.DAGID, RunID: f.Get("run_id"), Owner: data.Owner}
	if data.Kind != "" {
		if !slices.Contains(data.Kinds, data.Kind) {
			return page.Wrong("error.word")
		}
		q.Events = api.EventsOf(data.Kind)
	}
	for _, m := range []struct {
		text string
		to   *time.Time
	}{{data.Since, &q.Since}, {data.Until, &q.Until}} {
		at, err := page.Moment(r, m.text)
		if err != nil {
			return err
		}
		*m.to = at
	}
	data.Filtered = data.Kind+data.Owner+data.DAGID+data.Since+data.Until != ""
	o := d.o.Overview(ctx)
	sees, err := o.Scoped(r.Who().Sees)
	if err != nil {
		return err
	}
	if data.DAGID != "" {
		switch has, err := sees.Has(ctx, data.DAGID); {
		case err != nil:
			return err
		case !has:
			return page.Forbidden()
		}
		if err := isNamed(ctx, o, data.DAGID); err != nil {
			return err
		}
	}
	all, older, err := page.Scan(perPage, data.Before, func(p api.Page) (api.List[api.Event], error) {
		q.Page = p
		return o.API().Events(ctx, q)
	}, func(e api.Event) int64 { return e.ID }, func(e api.Event) (bool, error) {
		if e.DAGID == "" {
			return r.Who().Configures, nil
		}
		return sees.Has(ctx, e.DAGID)
	})
	if err != nil {
		return err
	}
	data.Older = older
	gone := map[[2]string]bool{}
	for _, e := range all {
		at := [2]string{e.DAGID, e.RunID}
		if _, asked := gone[at]; !asked {
			if gone[at], err = isGone(ctx, o, e.DAGID, e.RunID); err != nil {
				return err
			}
		}
		data.Rows = append(data.Rows, auditRow{e, r.Mask(subject(e.Extra)), r.Mask(more(e.Extra)), gone[at]})
	}
	return r.Show(page.Head{Name: "desk_audit", Nav: "system", Title: r.Say("audit.title")}, data)
}

// isGone reports whether a DAG or, where there is a runID, a run of it has been removed. Of no DAG it is false.
func isGone(ctx context.Context, o *overview.Overview, dagID, runID string) (bool, error) {
	var err error
	switch {
	case runID != "":
		_, err = o.API().Run(ctx, dagID, runID)
	case dagID != "":
		_, err = o.Head(ctx, dagID)
	}
	if errors.Is(err, api.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// isNamed is an error when there is no DAG of an id and nothing was done to one.
func isNamed(ctx context.Context, o *overview.Overview, dagID string) error {
	_, err := o.Head(ctx, dagID)
	if !errors.Is(err, api.ErrNotFound) {
		return err
	}
	if done, derr := o.API().Events(ctx, api.EventQuery{DAGID: dagID, Page: api.Page{Limit: 1}}); derr == nil && len(done.Items) > 0 {
		return nil
	}
	return err
}

// subject is the name of what an event is about that is of no DAG: a connection, variable, pool or user.
func subject(extra json.RawMessage) string {
	var e struct {
		ConnID string `json:"conn_id"`
		Key    string `json:"key"`
		Pool   string `json:"pool"`
		User   string `json:"user"`
	}
	if json.Unmarshal(extra, &e) != nil {
		return "" // it is told as it is under more
	}
	return cmp.Or(e.ConnID, e.Key, e.Pool, e.User)
}

// more is what else an event says, as people read it.
func more(extra json.RawMessage) string {
	if len(extra) == 0 || string(extra) == "{}" {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, extra, "", "  ") != nil {
		return string(extra)
	}
	return b.String()
}
