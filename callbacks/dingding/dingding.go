// Package dingding tells a DingTalk group what became of a task or a run.
//
// In a DAG file it is the callback "dingding". In Go:
//
//	dingding.OnFailure("ops_robot", dingding.AtMobiles("13800000001"))
package dingding

import (
	_ "embed"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the callbacks of this package. Their messages need [NewSender] under
// the name [SenderName].
func Specs() []callbacks.Spec {
	comments := params.ParseDocs(docsJSON).With(robot.Docs(), terms.Docs())
	return []callbacks.Spec{notifierSpec(callbacks.Docs(comments))}
}

// Provider returns the callbacks of this package with their sender.
func Provider(h *hook.DingdingHook) callbacks.Provider {
	return callbacks.Provider{Specs: Specs(), SenderName: SenderName, Sender: NewSender(h)}
}

// AppProvider returns what tells alerts through apps, where their connections are fallbacks.
func AppProvider(h *hook.DingdingHook) callbacks.Provider {
	return callbacks.Provider{SenderName: AppSenderName, Sender: NewAppSender(h)}
}
