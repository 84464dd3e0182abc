package cli

import (
	"maps"
	"slices"

	"github.com/dingdag/dingdag/callbacks"
	cbbot "github.com/dingdag/dingdag/callbacks/bot"
	cbcard "github.com/dingdag/dingdag/callbacks/card"
	cbdingding "github.com/dingdag/dingdag/callbacks/dingding"
	cbhttp "github.com/dingdag/dingdag/callbacks/http"
	cbsmtp "github.com/dingdag/dingdag/callbacks/smtp"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/email"
	"github.com/dingdag/dingdag/operator/http"
	"github.com/dingdag/dingdag/operator/python"
	"github.com/dingdag/dingdag/operator/sql"
	"github.com/dingdag/dingdag/operator/standard"
)

// parts are the operators and notifiers of the program, with those of an embedding one.
func parts(x Extensions) app.Parts {
	return app.Parts{Version: versionLine(), Call: call, Operators: x.operators, Callbacks: x.callbacks, LogStores: x.LogStores}
}

// operators is every operator that DAG files may name.
func (x Extensions) operators(a *app.App) (*operator.Registry, error) {
	var all []operator.Spec // in the order of the docs
	all = append(all, standard.Specs()...)
	all = append(all, python.Specs(pythonOf(a))...)
	all = append(all, http.Specs()...)
	all = append(all, sql.Specs()...)
	all = append(all, email.Specs()...)
	all = append(all, dingding.Specs(a.Dingding())...)
	r, err := operator.NewRegistry(append(all, x.Operators...)...)
	if err != nil {
		return nil, err
	}
	return r, catalog.CheckOperators(r)
}

// pythonOf is how tasks run Python code. Where the settings cannot be read, which is told elsewhere, nothing runs.
func pythonOf(a *app.App) python.Options {
	c, err := a.ReadSettings()
	if err != nil {
		return python.Options{}
	}
	return python.Options{Python: c.Python, Root: c.DAGsFolder}
}

// callbacks is every notifier that DAG files may name.
func (x Extensions) callbacks(a *app.App, conns connections.Source) (*callbacks.Registry, error) {
	senders, specs := map[string]callbacks.Sender{}, slices.Clone(x.Callbacks)
	ding := a.Dingding().With(conns, home.OnlyWarnings(a.Log()))
	for _, p := range []callbacks.Provider{
		cbdingding.Provider(ding), cbdingding.AppProvider(ding), cbbot.Provider(ding), cbcard.Provider(ding, conns, a.Linker()),
		cbhttp.Provider(conns),
		cbsmtp.Provider(conns, a.Templates()),
	} {
		senders[p.SenderName] = p.Sender
		specs = append(specs, p.Specs...)
	}
	maps.Copy(senders, x.Senders)
	r, err := callbacks.NewRegistry(specs, senders, x.Functions...)
	if err != nil {
		return nil, err
	}
	return r, catalog.CheckNotifiers(r)
}
