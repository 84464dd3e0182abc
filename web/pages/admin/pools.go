package admin

import (
	"errors"
	"strconv"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/web/pages/page"
)

// poolsData are the pools with their use.
type poolsData struct {
	Rows []poolRow
	// Form is the pool that is made or changed, nil for none; Was is its name, empty for a new one.
	Form    *poolForm
	Problem string
}

// poolRow is a pool with the widths of the parts of its bar, in percent.
type poolRow struct {
	*browse.Pool

	// Default says that it cannot be deleted.
	Default bool
}

// About is its description.
func (p poolRow) About() phrase.Text {
	if p.Default && p.Description == api.AboutDefaultPool().String() {
		return api.AboutDefaultPool()
	}
	return phrase.Plain(p.Description)
}

// Whole is how many slots the bar stands for.
func (p poolRow) Whole() int { return max(p.Slots, p.Occupied(), 1) }

// Unbound says that it has no bound.
func (p poolRow) Unbound() bool { return p.Slots < 0 }

// poolForm is the form of a pool, as texts.
type poolForm struct {
	Was, Name, Slots, Description string
	IncludeDeferred               bool
}

func (a *Admin) showPools(r page.Request) error {
	q := r.HTTP().URL.Query()
	var form *poolForm
	switch {
	case !r.Who().Configures:
	case q.Get("edit") != "":
		p, err := a.o.API(r.HTTP().Context()).Pool(r.HTTP().Context(), q.Get("edit"))
		if err != nil {
			return err
		}
		form = &poolForm{p.Name, p.Name, strconv.Itoa(p.Slots), p.Description, p.IncludeDeferred}
	default:
		form = &poolForm{Slots: "8"}
	}
	return a.pools(r, form, "")
}

func (a *Admin) pools(r page.Request, form *poolForm, problem string) error {
	all, err := a.o.Browse.Pools(r.HTTP().Context())
	if err != nil {
		return err
	}
	d := poolsData{Form: form, Problem: problem}
	for _, p := range all {
		d.Rows = append(d.Rows, poolRow{p, p.Name == api.DefaultPool})
	}
	return r.Show(page.Head{Name: "admin_pools", Nav: "system", Title: r.Say("pools.title"), Status: page.Status(problem), Live: true}, d)
}

// setPool makes a pool, or changes the one that the form was of.
func (a *Admin) setPool(r page.Request) error {
	f, ctx := r.HTTP().PostForm, r.HTTP().Context()
	form := &poolForm{line(f, "was"), line(f, "pool"), line(f, "slots"), line(f, "description"), f.Get("include_deferred") != ""}
	if err := tooLong(form.Name, form.Description); err != nil {
		return err
	}
	if form.Was != "" {
		form.Name = form.Was
	}
	ask := a.o.API(ctx)
	_, err := ask.Pool(ctx, form.Name)
	there := err == nil
	switch {
	case err != nil && !errors.Is(err, api.ErrNotFound):
		return err
	case form.Was == "" && there:
		return a.pools(r, form, r.Say("pools.exists", form.Name))
	case form.Was != "" && !there: // somebody has deleted it meanwhile
		return err
	}
	slots, err := strconv.Atoi(form.Slots)
	if err != nil {
		return a.pools(r, form, r.Say("pools.bad_slots"))
	}
	if err := ask.SetPools(ctx, api.Pool{Name: form.Name, Slots: slots, Description: form.Description, IncludeDeferred: form.IncludeDeferred}); err != nil {
		if problem := r.Mistake(err); problem != "" {
			return a.pools(r, form, problem)
		}
		return err
	}
	return r.Go(r.Link("pools"))
}

func (a *Admin) deletePool(r page.Request) error {
	ctx := r.HTTP().Context()
	if err := a.o.API(ctx).DeletePool(ctx, r.HTTP().PostForm.Get("pool")); err != nil {
		return err
	}
	return r.Go(r.Link("pools"))
}
