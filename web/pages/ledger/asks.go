package ledger

import (
	"errors"
	"net/http"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/web/pages/page"
)

// asksData is a list of what tasks ask.
type asksData struct {
	Rows   []asks.Ask
	Older  string
	States []string
	// State, DAGID and Before are the filters.
	State, DAGID, Before string
	Filtered             bool
}

func (l *Ledger) showAsks(r page.Request) error {
	f, ctx := r.HTTP().URL.Query(), r.HTTP().Context()
	d := asksData{States: names(asks.States()), State: f.Get("state"), DAGID: strings.TrimSpace(f.Get("dag_id")), Before: f.Get("before")}
	states, err := oneOf(d.State, asks.States())
	if err != nil {
		return err
	}
	d.Filtered = d.State+d.DAGID != ""
	if d.DAGID != "" {
		if err := l.named(r, d.DAGID, l.sees); err != nil {
			return err
		}
	}
	sees, err := l.sees(r)
	if err != nil {
		return err
	}
	d.Rows, d.Older, err = page.Scan(perPage, d.Before, func(p api.Page) (api.List[asks.Ask], error) {
		return l.o.Asks(ctx).List(ctx, asks.Query{DAGID: d.DAGID, States: states, Page: p})
	}, func(a asks.Ask) int64 { return a.ID }, func(a asks.Ask) (bool, error) { return sees.Has(ctx, a.DAGID) })
	if err != nil {
		return err
	}
	return r.Show(page.Head{Name: "ledger_asks", Nav: "asks", Title: r.Say("asks.title"), Live: true}, d)
}

// askData is one ask with the form that answers it.
type askData struct {
	Ask asks.Ask
	// Answers says that whoever asks may answer it now; whether it asks him is seen when he does.
	Answers bool
	Params  []askParam
	// Chosen are the options that were chosen before, by option; Problem is what was wrong then.
	Chosen  map[string]bool
	Problem string
}

// askParam is a field to fill in.
type askParam struct {
	Name, Description, Value string
	Required                 bool
}

// asked is the ask of the path, for somebody who may see it.
func (l *Ledger) asked(r page.Request) (asks.Ask, error) {
	id, err := page.Number(r.HTTP().PathValue("ask_id"))
	if err != nil {
		return asks.Ask{}, err
	}
	ctx := r.HTTP().Context()
	a, err := l.o.Asks(ctx).Get(ctx, id)
	if err != nil {
		return a, l.hide(r, err)
	}
	return a, must(r, a.DAGID, l.sees)
}

func (l *Ledger) showAsk(r page.Request) error {
	a, err := l.asked(r)
	if err != nil {
		return err
	}
	return l.form(r, a, http.StatusOK, "")
}

// paramField begins the names of the fields of params.
const paramField = "param."

// form shows an ask, with what was filled in.
func (l *Ledger) form(r page.Request, a asks.Ask, status int, problem string) error {
	d := askData{Ask: a, Chosen: map[string]bool{}, Problem: problem, Answers: a.State == "open" && must(r, a.DAGID, l.operates) == nil}
	sent := r.HTTP().PostForm
	for _, o := range sent["option"] {
		d.Chosen[o] = true
	}
	if len(sent) == 0 {
		for _, o := range a.Defaults {
			d.Chosen[o] = true
		}
	}
	for _, p := range a.Params {
		field := askParam{Name: p.Name, Description: p.Description, Value: asks.Default(p), Required: p.Value == nil}
		if sent.Has(paramField + p.Name) {
			field.Value = sent.Get(paramField + p.Name)
		}
		d.Params = append(d.Params, field)
	}
	return r.Show(page.Head{Name: "ledger_ask", Nav: "asks", Title: r.Say("asks.one", a.ID), Status: status, Live: true}, d)
}

// answer answers an ask in the name of whoever sends the form.
func (l *Ledger) answer(r page.Request) error {
	a, err := l.asked(r)
	if err != nil {
		return err
	}
	if err := must(r, a.DAGID, l.operates); err != nil {
		return err
	}
	sent, values, ctx := r.HTTP().PostForm, map[string]string{}, r.HTTP().Context()
	for _, p := range a.Params {
		values[p.Name] = strings.ReplaceAll(sent.Get(paramField+p.Name), "\r\n", "\n")
	}
	input, err := a.Fill(values)
	if err == nil {
		_, err = l.o.Asks(ctx).Respond(ctx, asks.Answer{ID: a.ID, Chosen: sent["option"], Input: input})
	}
	_, wrong := errors.AsType[*api.FieldError](err)
	switch {
	case err == nil:
		return r.Go(r.Link("asks", a.ID))
	case errors.Is(err, asks.ErrSettled):
		return &page.RefusedError{Status: http.StatusConflict, Text: "error.settled", Err: err}
	case errors.Is(err, asks.ErrNotAssigned):
		return &page.RefusedError{Status: http.StatusForbidden, Text: "error.not_assigned", Err: err}
	case wrong:
		return l.form(r, a, http.StatusUnprocessableEntity, r.Mistake(err))
	default:
		return err
	}
}
