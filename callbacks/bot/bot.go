// Package bot tells a DingTalk group, or people, through the bot of an app what became of a task
// or a run. Unlike a custom robot a bot can take its messages back. In a DAG file it is the callback
// "dingding_bot".
package bot

import (
	_ "embed"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the callbacks of this package. Their messages need [NewSender] under the
// name [SenderName].
func Specs() []callbacks.Spec {
	return []callbacks.Spec{notifierSpec(callbacks.Docs(params.ParseDocs(docsJSON).With(terms.Docs())))}
}

// Provider returns the callbacks of this package with their sender.
func Provider(h *hook.DingdingHook) callbacks.Provider {
	return callbacks.Provider{Specs: Specs(), SenderName: SenderName, Sender: NewSender(h)}
}
