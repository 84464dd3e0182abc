// Package robot declares the parameters of a message through a custom robot, once for the
// operators and the notifier that send such messages, and checks them.
package robot

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Docs are the comments of the parameters, for the structs that embed them.
func Docs() params.Docs { return params.ParseDocs(docsJSON) }

// The values of [Params.OnUncertain].
const (
	UncertainFail  = "fail"
	UncertainRetry = "retry"
)

// Params are the parameters of a message through a custom robot, but for the message.
type Params struct {
	// ConnID names the connection of the robot.
	ConnID string `yaml:"dingding_conn_id" param:"default=dingding_default"`

	Content

	// OnUncertain says what happens when no answer came and the message may have arrived: fail
	// records that and does not send it again, retry sends it again with a key by which
	// DingTalk drops the second one.
	OnUncertain string `yaml:"on_uncertain" param:"default=fail,enum=fail|retry"`
}

// Content is how a message looks and whom it notifies.
type Content struct {
	// MessageType is the type of the message: text, link, markdown, actionCard or feedCard.
	MessageType string `yaml:"message_type" param:"default=text,enum=text|link|markdown|actionCard|feedCard"`
	// AtMobiles lists the mobile numbers of the people to notify; false is nobody. Spaces in a
	// number are ignored, and a template may give several numbers, separated by commas. Works
	// in text, markdown and actionCard.
	AtMobiles []string `yaml:"at_mobiles" param:"single,template,digits,off"`
	// AtUserIDs lists the DingTalk user ids of the people to notify; false is nobody. A
	// template may give several, separated by commas.
	AtUserIDs []string `yaml:"at_user_ids" param:"single,template,digits,off"`
	// AtAll notifies everybody in the group. It overrides the lists.
	AtAll bool `yaml:"at_all" param:"default=false"`
	// Split sends a text or markdown message over DingTalk's limit of 20000 bytes in numbered
	// parts. If false, such a message is refused, as messages of other types are. A try after
	// some parts had arrived sends only the others.
	Split bool `yaml:"split" param:"default=true"`
}

// RepeatSafe reports whether on_uncertain asks for a repeat.
func (p *Params) RepeatSafe() bool { return p.OnUncertain == UncertainRetry }

// Message builds the message of rendered parameters. The error names the parameter.
func (p *Params) Message(message any) (hook.RobotMessage, error) {
	m, err := p.Content.Message(message)
	if m.ConnID = p.ConnID; m.ConnID == "" {
		m.ConnID = hook.DefaultConnID
	}
	return m, err
}

// Message builds the message of rendered parameters. The error names the parameter; the
// message then lacks the people who are wrong.
func (c *Content) Message(message any) (hook.RobotMessage, error) {
	mobiles, wrongMobiles := people(c.AtMobiles, mobile)
	users, wrongUsers := people(c.AtUserIDs, userID)
	typ := c.MessageType
	if typ == "" {
		typ = hook.TypeText
	}
	return hook.RobotMessage{
		Type: typ, Message: message, AtMobiles: mobiles, AtUserIDs: users, AtAll: c.AtAll, NoSplit: !c.Split,
	}, errors.Join(params.At("at_mobiles", wrongMobiles), params.At("at_user_ids", wrongUsers))
}

// Check refuses what can never be sent and warns of what will not notify, when a file is
// read: templates are left alone. A nil message is one that comes later.
func (c *Content) Check(message any) error {
	literal := *c
	found := []error{
		params.At("at_mobiles", literals(&literal.AtMobiles, mobile)),
		params.At("at_user_ids", literals(&literal.AtUserIDs, userID)),
	}
	if message == nil {
		return errors.Join(found...)
	}
	m, _ := literal.Message(message) // only what was found right is left in it
	p, err := Prepare(m)
	switch {
	case err == nil:
		for _, text := range p.Warnings {
			found = append(found, params.At("message", params.Warn(text)))
		}
	case !HoldsTemplate(message):
		found = append(found, params.At("message", err))
	}
	return errors.Join(found...)
}

// Prepare is [hook.Prepare], whose errors are those of a parameter here and need not say
// what was being done.
func Prepare(m hook.RobotMessage) (*hook.Prepared, error) {
	p, err := hook.Prepare(m)
	if inner := errors.Unwrap(err); inner != nil {
		return nil, inner
	}
	return p, err
}

// literals checks the people of a list that are no templates, and leaves the good ones in
// it. An empty one is a warning: the file loads, and the message is refused.
func literals(list *[]string, check func(string) (string, error)) error {
	var (
		good  []string
		found []error
	)
	for _, text := range *list {
		if HoldsTemplate(text) {
			continue
		}
		who, err := people([]string{text}, check)
		good = append(good, who...)
		switch {
		case errors.Is(err, errEmpty):
			found = append(found, params.Warn(err.Error()))
		case err != nil:
			found = append(found, err)
		}
	}
	*list = good
	return errors.Join(found...)
}

var (
	errEmpty = errors.New("it is empty, which notifies nobody: leave it out, or write false")
	number   = regexp.MustCompile(`^(\+\d{1,4}-?)?\d+$`)
)

// people reads rendered names: one in an element, or several with commas.
func people(list []string, check func(string) (string, error)) (who []string, err error) {
	var errs []error
	for _, text := range list {
		for part := range strings.FieldsFuncSeq(text+" ", func(r rune) bool { return strings.ContainsRune(",，;；、", r) }) {
			one, err := check(part)
			switch {
			case err != nil:
				errs = append(errs, err)
			case !slices.Contains(who, one):
				who = append(who, one)
			}
		}
	}
	return who, errors.Join(errs...)
}

// mobile reads a mobile number: digits, with a country code as DingTalk writes it (+852-…)
// where the number has one.
func mobile(text string) (string, error) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	switch {
	case text == "":
		return "", errEmpty
	case !number.MatchString(text):
		return "", fmt.Errorf("%q is not a valid mobile number: write its digits", excerpt(params.HideNumber(text)))
	}
	return text, nil
}

func userID(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errEmpty
	case strings.ContainsFunc(text, unicode.IsSpace) || strings.ContainsFunc(text, unicode.IsControl):
		return "", fmt.Errorf("%q is not a valid user id: it has a space in it", excerpt(text))
	}
	return text, nil
}

func excerpt(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// HoldsTemplate reports whether a value has a text, at any depth, that is still to be rendered.
func HoldsTemplate(value any) bool {
	switch v := value.(type) {
	case string:
		return yamlvalue.HoldsTemplate(v)
	case []any:
		return slices.ContainsFunc(v, HoldsTemplate)
	case map[string]any:
		for _, field := range v {
			if HoldsTemplate(field) {
				return true
			}
		}
	}
	return false
}
