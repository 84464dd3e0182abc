package health

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// judgeApplications tells of each application that is to receive, or that a process holds, whether it does.
func (c *Checker) judgeApplications(h *Health, f *facts, p *Process) {
	held := map[string]*store.NamedLease{}
	for _, l := range f.leases {
		held[l.Name] = l
	}
	known := map[string]bool{}
	for _, a := range f.apps {
		if !known[a.Lease] { // of several connections with one AppKey, one receives
			known[a.Lease] = true
			c.judgeApplication(h, f, p, a.ConnID, held[a.Lease])
		}
	}
	for _, l := range f.leases {
		// This process may know other connections than the one that holds them. A lease that has ended is of no
		// connection any more, as far as anybody can tell.
		if told, ok := linkOf(l); ok && !known[l.Name] && told.Stream && l.Until.After(f.now) {
			c.judgeApplication(h, f, p, told.ConnID, l)
		}
	}
	slices.SortStableFunc(h.Applications, func(x, y Application) int { return strings.Compare(x.ConnID, y.ConnID) })
	if f.appsErr != nil {
		text := strings.ReplaceAll(c.o.Masker.Mask(f.appsErr.Error()), "\n", "; ")
		h.add("applications", Warning, phrase.Of("health.connections", text), c.command("connections list"))
	}
}

// linkOf is what the holder of an application has told.
func linkOf(l *store.NamedLease) (told store.ChatLink, ok bool) {
	if l == nil || len(l.Note) == 0 {
		return told, false
	}
	return told, json.Unmarshal(l.Note, &told) == nil && told.ConnID != ""
}

// judgeApplication tells of one. l is its lease, nil for none.
func (c *Checker) judgeApplication(h *Health, f *facts, p *Process, connID string, l *store.NamedLease) {
	a := Application{ConnID: c.o.Masker.Mask(connID), Status: Unheld}
	if told, ok := linkOf(l); ok && l.Until.After(f.now) {
		a.ConnID, a.Status = c.o.Masker.Mask(told.ConnID), Disconnected
		a.Since, a.Error = moment(told.Since), c.o.Masker.Mask(told.Error)
		if told.Connected {
			a.Status, a.Error = Connected, ""
		}
	} else if l != nil {
		a.Since = moment(l.Until)
	}
	h.Applications = append(h.Applications, a)
	test := c.command("connections test " + a.ConnID)
	switch {
	case a.Status == Disconnected && h.At.Sub(*a.Since) > Deaf:
		why := phrase.Of("health.app_deaf", a.ConnID, h.At.Sub(*a.Since))
		if a.Error != "" {
			why = phrase.Of("colon", why, a.Error)
		}
		h.add("applications", Warning, why, test)
	case a.Status != Unheld || p != nil && !p.Working: // a process that starts or stops says so itself
	case h.Scheduler.Status != Healthy:
		h.add("applications", Warning, phrase.Of("health.app_unheld", a.ConnID), c.command("standalone"))
	case h.At.Sub(unheldSince(l, f.life)) > Deaf:
		h.add("applications", Warning, phrase.Of("health.app_lacking", a.ConnID), test)
	}
}

// unheldSince is from when on nobody can hold an application but the scheduler that runs now, as far as that is known.
func unheldSince(l *store.NamedLease, life *store.SchedulerLife) (since time.Time) {
	if life != nil {
		since = life.StartedAt
	}
	if l != nil && l.Until.After(since) {
		since = l.Until
	}
	return since
}
