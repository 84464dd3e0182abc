// Package card tells a DingTalk group, or people, what became of a task or a run by an interactive card with buttons.
// In a DAG file it is the callback "dingtalk_card". Where the connection has no card template, the same is told by a
// message of the app's bot.
package card

import (
	_ "embed"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	"github.com/dingdag/dingdag/connections"
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

// Provider returns the callbacks of this package with their sender. links may be nil.
func Provider(h *hook.DingdingHook, conns connections.Source, links Linker) callbacks.Provider {
	return callbacks.Provider{Specs: Specs(), SenderName: SenderName, Sender: NewSender(h, conns, links)}
}
