package appcall

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Checks collects what is wrong with parameters. Validate runs twice: when the file is
// read, where templates are left alone, and on the rendered parameters before the call.
type Checks struct{ found []error }

// Err is all that was found, nil when that is nothing.
func (c *Checks) Err() error { return errors.Join(c.found...) }

// Add reports what is wrong with a parameter; nil reports nothing.
func (c *Checks) Add(field string, err error) {
	if err != nil {
		c.found = append(c.found, params.At(field, err))
	}
}

// Text checks the number of characters. With least 0 the parameter is optional.
func (c *Checks) Text(field, value string, least, most int) {
	n := utf8.RuneCountInString(value)
	switch {
	case yamlvalue.HoldsTemplate(value), n >= least && n <= most:
	case n == 0:
		c.Add(field, errors.New("is empty"))
	default:
		c.Add(field, fmt.Errorf("has %d characters; DingTalk accepts %d to %d", n, max(least, 1), most))
	}
}

// Required checks that a text is not empty.
func (c *Checks) Required(field, value string) {
	if value == "" {
		c.Add(field, errors.New("is empty"))
	}
}

// List checks the number of elements and that none is empty.
func (c *Checks) List(field string, values []string, least, most int) {
	switch {
	case slices.ContainsFunc(values, yamlvalue.HoldsTemplate):
	case len(values) == 0 && least > 0:
		c.Add(field, errors.New("is empty"))
	case len(values) < least, len(values) > most:
		c.Add(field, fmt.Errorf("has %d elements; DingTalk accepts %d to %d", len(values), max(least, 1), most))
	case slices.Contains(values, ""):
		c.Add(field, errors.New("has an empty element"))
	}
}

// Number reads a whole number of at least least that may come from a template. It is 0
// for a template that is not rendered yet and for what is wrong, which is reported.
func (c *Checks) Number(field, text string, least int64) int64 {
	if yamlvalue.HoldsTemplate(text) {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < least {
		c.Add(field, fmt.Errorf("must be a whole number of at least %d, got %q", least, text))
		return 0
	}
	return n
}

// IDs reads a list of ids, whole numbers over 0, as Number does.
func (c *Checks) IDs(field string, texts []string) []int64 {
	ids := make([]int64, len(texts))
	for i, text := range texts {
		ids[i] = c.Number(field, text, 1)
	}
	return ids
}
