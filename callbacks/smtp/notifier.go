package smtp

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	hooksmtp "github.com/dingdag/dingdag/hook/smtp"
	"github.com/dingdag/dingdag/params"
)

const uncertainRetry = "retry"

// SmtpNotifier sends a mail.
//
// Without subject and html_content it names the DAG, the task, the run, the try, the error,
// how long it took, where the log is and when the next try starts, unless the connection's
// extra names templates (subject_template and html_content_template). These have the names
// dag, ti, run_id, dag_run, logical_date and the like, exception and reason.
//
// Mails through one connection are sent one at a time. A refused mail is recorded with the
// server's answer; if the server cannot be reached or answers with a temporary error, the mail
// waits. If the server accepts only some of the recipients, they get the mail and the record
// names the others.
type SmtpNotifier struct { //nolint:revive // the name that people who know Airflow look for
	hooksmtp.Params
	terms.Common

	// Conn is the connection of type smtp.
	Conn string `yaml:"smtp_conn_id" json:"smtp_conn_id" param:"default=smtp_default"`
	// Template is the name of a template file for the content when html_content is not given.
	// It is in the folder of the DAG file or one of template_searchpath.
	Template string `yaml:"template" json:"template,omitempty" param:"template,files=.html|.htm|.jinja2|.j2|.txt"`
	// AuthType is basic: login and password of the connection.
	AuthType string `yaml:"auth_type" json:"-" param:"default=basic,enum=basic"`
	// OnUncertain says what happens when no answer came and the mail may have arrived: fail
	// records that, retry sends it again with the same Message-ID.
	OnUncertain string `yaml:"on_uncertain" json:"on_uncertain,omitempty" param:"default=fail,enum=fail|retry"`

	// usual says that the mail is the default one, whatever the parameters say.
	usual bool
}

var (
	_ callbacks.Callback      = (*SmtpNotifier)(nil)
	_ callbacks.Fallback      = (*SmtpNotifier)(nil)
	_ callbacks.RenderChecker = (*SmtpNotifier)(nil)
	_ params.Validator        = (*SmtpNotifier)(nil)
)

func notifierSpec(docs callbacks.Option) callbacks.Spec {
	return callbacks.Define[SmtpNotifier]("email", docs,
		callbacks.Alias(
			"airflow.providers.smtp.notifications.smtp.SmtpNotifier",
			"airflow.providers.smtp.notifications.smtp.send_smtp_notification",
		),
		callbacks.Example("The default mail", `
to: [oncall@example.com, "Ann Li <ann@example.com>"]
`),
		callbacks.Example("A custom mail", `
to: oncall@example.com; data@example.com
from_email: airflow@example.com
subject: "{{ ti.task_id }} failed"
html_content: "<p>{{ exception }}</p>"
`),
	)
}

// Validate refuses what can never be sent. An alert that fails for its form would only
// show when it is needed.
func (n *SmtpNotifier) Validate() error {
	errs := []error{n.Params.Validate()}
	if ext := filepath.Ext(n.Template); n.Template != "" && !slices.Contains([]string{".html", ".htm", ".jinja2", ".j2", ".txt"}, ext) {
		errs = append(errs, params.At("template", errors.New("the name of a template file ends in .html, .htm, .jinja2, .j2 or .txt")))
	}
	return errors.Join(errs...)
}

// Fallback is the notifier with the default mail, without attachments, for the receivers
// that are left. The templates of the connection are not used for it.
func (n *SmtpNotifier) Fallback([]string) (callbacks.Callback, error) {
	plain := *n
	plain.Template, plain.Files, plain.usual = "", nil, true
	plain.MIMESubtype, plain.MIMECharset, plain.CustomHeaders = "mixed", "utf-8", nil
	empty := func(who string) bool { return strings.TrimSpace(who) == "" }
	plain.To = slices.DeleteFunc(slices.Clone(n.To), empty)
	plain.Cc, plain.Bcc = slices.DeleteFunc(slices.Clone(n.Cc), empty), slices.DeleteFunc(slices.Clone(n.Bcc), empty)
	if len(plain.To) == 0 {
		return nil, errors.New("without a recipient there is nobody to send to")
	}
	return &plain, nil
}

// CheckRendered refuses a subject or content of which templates left nothing. One that the
// file leaves empty is the default.
func (n *SmtpNotifier) CheckRendered(file callbacks.Callback) error {
	meant, ok := file.(*SmtpNotifier)
	if !ok {
		return fmt.Errorf("the file has a %T", file)
	}
	for _, text := range []struct{ param, meant, got string }{
		{"subject", meant.Subject, n.Subject},
		{"html_content", meant.HTMLContent, n.HTMLContent},
		{"template", meant.Template, n.Template},
	} {
		if strings.TrimSpace(text.got) == "" && strings.TrimSpace(text.meant) != "" {
			return errors.New("the callback's template rendered to nothing: " + text.param)
		}
	}
	return nil
}

// payload is what lies in the outbox. It holds no credentials.
type payload struct {
	hooksmtp.Params

	ConnID      string           `json:"smtp_conn_id"`
	OnUncertain string           `json:"on_uncertain,omitempty"`
	Event       *callbacks.Event `json:"event"`
	// Usual says that it is the default mail.
	Usual bool `json:"usual,omitempty"`
	// ID is the Message-ID, by which programs that read mail drop what comes twice.
	ID string `json:"message_id"`
}

// usual makes the mail the default one.
func (p *payload) usual(ev *callbacks.Event) {
	p.Subject, p.HTMLContent, p.Files, p.Usual = ev.Title(), page(ev), nil, true
}

// message is the payload in the outbox, under an id of its own.
func (p *payload) message(ev *callbacks.Event) (callbacks.Message, error) {
	// One event and one mail give one id; a task that is cleared has other times.
	identity, err := json.Marshal(p)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the mail through %s: %w", p.ConnID, err)
	}
	sum := sha256.Sum256(identity)
	p.ID = hex.EncodeToString(sum[:16]) + "@dingdag"
	body, err := json.Marshal(p)
	if err != nil {
		return callbacks.Message{}, fmt.Errorf("encode the mail through %s: %w", p.ConnID, err)
	}
	return callbacks.Message{
		Sender:  SenderName,
		Channel: callbacks.ChannelOf(SenderName, p.ConnID),
		Summary: fmt.Sprintf("%s of %s by mail through %s", ev.Kind, ev.Subject(), p.ConnID),
		Payload: body,
	}, nil
}

// Prepare writes down the mail for the outbox.
func (n *SmtpNotifier) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	p := payload{Params: n.Params, ConnID: cmp.Or(n.Conn, hooksmtp.DefaultConnID), OnUncertain: n.OnUncertain, Event: ev}
	p.HTMLContent = cmp.Or(p.HTMLContent, n.Template)
	if n.usual {
		p.usual(ev)
	}
	p.Files = slices.Clone(p.Files)
	for i, path := range p.Files {
		if !filepath.IsAbs(path) {
			p.Files[i] = filepath.Join(ev.DAGFolder, path)
		}
	}
	return p.message(ev)
}
