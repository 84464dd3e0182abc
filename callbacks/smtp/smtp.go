// Package smtp tells people by mail what became of a task or a run. In a DAG file it is the
// callback "email", and the task parameter email.
package smtp

import (
	_ "embed"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	"github.com/dingdag/dingdag/connections"
	hooksmtp "github.com/dingdag/dingdag/hook/smtp"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/template"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the callbacks of this package. Their messages need [NewSender] under the
// name [SenderName].
func Specs() []callbacks.Spec {
	docs := params.ParseDocs(docsJSON).With(hooksmtp.Docs(), terms.Docs())
	return []callbacks.Spec{notifierSpec(callbacks.Docs(docs))}
}

// Provider returns the callbacks of this package with their sender.
func Provider(source connections.Source, templates *template.Env) callbacks.Provider {
	return callbacks.Provider{Specs: Specs(), SenderName: SenderName, Sender: NewSender(source, templates)}
}
