// Package human holds the operators that ask people and wait for the answer (Airflow, "Human in the
// loop").
package human

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Specs returns the operators of this package.
func Specs() []operator.Spec {
	docs := operator.Docs(params.ParseDocs(docsJSON))
	return []operator.Spec{hitlSpec(docs), approvalSpec(docs), branchSpec(docs), entrySpec(docs)}
}

// path is the dotted path of a class of Airflow.
func path(class string) operator.Option {
	return operator.Alias("airflow.providers.standard.operators.hitl." + class)
}

// AssignedUser is somebody who may answer.
type AssignedUser struct {
	// ID is the userid in DingTalk, or the name of a user of the machine.
	ID string `yaml:"id" param:"required,digits"`
	// Name is for people.
	Name string `yaml:"name"`
}

// question are the parameters of all these operators.
type question struct {
	// Subject is the line that people read first.
	Subject string `yaml:"subject" param:"required,template"`
	// Body says what they need to decide, in Markdown.
	Body string `yaml:"body" param:"template"`
	// Defaults is the option, or the list of options, that is chosen when nobody has answered within
	// response_timeout. Without it the task fails then.
	Defaults []string `yaml:"defaults" param:"single"`
	// ResponseTimeout is the time for the answer. Without it that is execution_timeout, and without
	// both there is no end.
	ResponseTimeout time.Duration `yaml:"response_timeout"`
	// AssignedUsers are those who may answer. Without it everybody may who operates the DAG.
	AssignedUsers []AssignedUser `yaml:"assigned_users" param:"single"`
	// DingTalkConnID is the connection of the app whose bot asks in DingTalk: by an interactive card
	// with a button for each option where its extra has a card_template_id, else by a message that
	// says what to type. With a receiver the default is dingtalk_default; with neither, only notifiers
	// tell.
	DingTalkConnID string `yaml:"dingtalk_conn_id" param:"template"`
	// OpenConversationID is the id of the group (cid…) that is asked. Without it and user_ids it is the
	// conversation_id of the connection's extra, else its user_id, else assigned_users one-to-one.
	OpenConversationID string `yaml:"open_conversation_id" param:"template"`
	// UserIDs are the userids of people, at most 20, who are asked one-to-one. It excludes
	// open_conversation_id.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
}

// maxUsers is how many people one message goes to.
const maxUsers = 20

// choice are the parameters of those with options of their own.
type choice struct {
	// Multiple lets people choose several options.
	Multiple bool `yaml:"multiple" param:"default=false"`
}

// check reports what is wrong with a question.
func (q *question) check(options []string, multiple bool) error {
	var errs []error
	if len(options) == 0 {
		errs = append(errs, params.At("options", errors.New("options is empty: there is nothing to choose")))
	}
	for i, o := range options {
		switch {
		case strings.TrimSpace(o) == "":
			errs = append(errs, params.At("options", fmt.Errorf("option %d is empty", i+1)))
		case slices.Contains(options[:i], o):
			errs = append(errs, params.At("options", fmt.Errorf("option %q appears twice", o)))
		}
	}
	if q.Defaults != nil && len(q.Defaults) == 0 {
		errs = append(errs, params.At("defaults", errors.New("defaults is empty: leave it out to let the task fail when nobody answers")))
	}
	for _, d := range q.Defaults {
		if !slices.Contains(options, d) {
			errs = append(errs, params.At("defaults", fmt.Errorf("%q is not one of the options %s%s",
				d, strings.Join(options, ", "), yamlvalue.DidYouMean(d, slices.Values(options)))))
		}
	}
	if len(q.Defaults) > 1 && !multiple {
		errs = append(errs, params.At("defaults", errors.New("several defaults need multiple: true")))
	}
	if q.ResponseTimeout < 0 {
		errs = append(errs, params.At("response_timeout", errors.New("response_timeout is negative")))
	}
	return errors.Join(append(errs, q.checkReceivers())...)
}

// checkReceivers reports what is wrong with who is asked in DingTalk.
func (q *question) checkReceivers() error {
	var errs []error
	if q.OpenConversationID != "" && len(q.UserIDs) > 0 {
		errs = append(errs, params.At("user_ids", errors.New("give open_conversation_id or user_ids, and not both")))
	}
	if len(q.UserIDs) > maxUsers {
		errs = append(errs, params.At("user_ids", fmt.Errorf("there are %d; %d is the most", len(q.UserIDs), maxUsers)))
	}
	return errors.Join(errs...)
}

// notice asks in DingTalk, if anybody is to be asked there.
func (q *question) notice() *operator.Notice {
	if q.DingTalkConnID == "" && q.OpenConversationID == "" && len(q.UserIDs) == 0 {
		return nil
	}
	with := map[string]any{"dingtalk_conn_id": cmp.Or(q.DingTalkConnID, "dingtalk_default")}
	if q.OpenConversationID != "" {
		with["open_conversation_id"] = q.OpenConversationID
	}
	if len(q.UserIDs) > 0 {
		with["user_ids"] = q.UserIDs
	}
	return &operator.Notice{Notifier: "dingtalk_card", Params: with}
}

// ask is the question with some options.
func (q *question) ask(options []string, multiple bool) operator.Question {
	out := operator.Question{Subject: q.Subject, Body: q.Body, Options: options, Multiple: multiple, Defaults: q.Defaults, Timeout: q.ResponseTimeout, Notice: q.notice()}
	for _, u := range q.AssignedUsers {
		out.Assigned = append(out.Assigned, operator.Person{ID: u.ID, Name: u.Name})
	}
	return out
}

// response is the result (XCom), as Airflow has it.
type response struct {
	ChosenOptions []string         `json:"chosen_options"`
	ParamsInput   json.RawMessage  `json:"params_input"`
	RespondedAt   time.Time        `json:"responded_at"`
	RespondedBy   *operator.Person `json:"responded_by_user"`
}

// answer asks what is not asked yet; afterwards it is what was answered.
func (q *question) answer(ctx context.Context, tc *operator.TaskContext, asks operator.Question) (*response, error) {
	r := tc.Reply
	switch {
	case r == nil:
		if err := q.checkReceivers(); err != nil { // templates have been rendered since the file was loaded
			return nil, operator.Fail(err)
		}
		return nil, operator.Ask(asks)
	case r.TimedOut && len(r.Chosen) == 0:
		return nil, operator.ErrTimeoutNoAnswer
	}
	out := &response{ChosenOptions: r.Chosen, ParamsInput: r.Params, RespondedAt: r.At, RespondedBy: r.By}
	if out.ParamsInput == nil {
		out.ParamsInput = json.RawMessage("{}")
	}
	tc.Log.InfoContext(ctx, "chosen", "options", r.Chosen)
	return out, nil
}
