// Package email holds the operator that sends mail.
package email

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/hook/smtp"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

const uncertainRetry = "retry"

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	docs := params.ParseDocs(docsJSON).With(smtp.Docs())
	return []operator.Spec{emailSpec(operator.Docs(docs))}
}

// Operator sends a mail. It has no result.
//
// The connection is of type smtp: the host, the port, login and password, and in its extra
// disable_ssl, disable_tls, from_email and more.
//
// A mail or a login that the server refuses fails the task at once: another try would not
// change the answer. A server that cannot be reached or answers with a temporary error is
// tried again while tries remain. If it accepts only some of the recipients, they get the
// mail, and a warning in the log names the others.
type Operator struct {
	smtp.Params

	// Conn is the connection of type smtp.
	Conn string `yaml:"conn_id" param:"default=smtp_default"`
	// OnUncertain says what happens when no answer came and the mail may have arrived: fail
	// ends the task, retry tries again while tries remain, with the same Message-ID.
	OnUncertain string `yaml:"on_uncertain" param:"default=fail,enum=fail|retry"`
}

var (
	_ operator.Operator      = (*Operator)(nil)
	_ operator.RepeatChecker = (*Operator)(nil)
	_ params.Validator       = (*Operator)(nil)
)

func emailSpec(docs operator.Option) operator.Spec {
	return operator.Define[Operator]("email", docs,
		operator.Alias(
			"airflow.operators.email.EmailOperator",
			"airflow.operators.email_operator.EmailOperator",
			"airflow.operators.EmailOperator",
			"airflow.providers.smtp.operators.smtp.EmailOperator",
		),
		operator.Example("A report", `
to: [data@example.com, "Ann Li <ann@example.com>"]
subject: "Orders of {{ ds }}"
html_content: "<p>There were <b>1284</b> orders.</p>"
`),
		operator.Example("Custom recipients and sender", `
to: "data@example.com; ops@example.com"
cc: boss@example.com
from_email: reports@example.com
subject: Done
html_content: "<p>{{ dag.dag_id }} is done.</p>"
custom_headers: {X-Priority: "1"}
`),
	)
}

// RepeatSafe reports whether on_uncertain asks for a repeat.
func (o *Operator) RepeatSafe() bool { return o.OnUncertain == uncertainRetry }

// Execute sends the mail.
func (o *Operator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	server, err := smtp.Open(ctx, tc.Connections, o.Conn)
	if err != nil {
		return nil, err
	}
	mail := o.Mail()
	render := func(text string) (string, error) { return tc.Render(text, nil) }
	if err := server.Complete(&mail, render); err != nil {
		return nil, err
	}
	mail.ID = messageID(tc)
	files := make([]string, len(mail.Files))
	for i, path := range mail.Files {
		if files[i], err = tc.FileInFolder(path); err != nil {
			return nil, err
		}
	}
	mail.Files = files
	refused, err := server.Send(ctx, mail)
	if err != nil {
		return nil, o.outcome(err)
	}
	for _, r := range refused {
		tc.Log.WarnContext(ctx, "the server refused a receiver", "address", r.Address, "reason", r.Reason)
	}
	tc.Log.InfoContext(ctx, "the mail server took the mail", "server", server.Address(), "message_id", mail.ID)
	return nil, nil
}

// outcome says what an error means for the task.
func (o *Operator) outcome(err error) error {
	e, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		return err
	}
	switch e.Kind {
	case smtp.KindUncertain:
		if o.RepeatSafe() {
			return err
		}
		return operator.Fail(fmt.Errorf("%w; the mail may have arrived", err))
	case smtp.KindAuth, smtp.KindInvalid, smtp.KindRefused:
		return operator.Fail(err)
	case smtp.KindUnavailable:
		return err
	}
	return err
}

// messageID is the same for all tries of a task instance, until it is cleared: then
// MaxTries grows and the mail is a new one.
func messageID(tc *operator.TaskContext) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %d", tc.DAGID, tc.RunID, tc.TaskID, tc.MapIndex, tc.MaxTries))
	return hex.EncodeToString(sum[:16]) + "@dingdag"
}
