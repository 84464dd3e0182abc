package lookup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/owners"
	"github.com/dingdag/dingdag/yamlvalue"
)

// columns say where in a table the people stand. They count from 1; 0 is none.
type columns struct {
	MobileColumn int `yaml:"mobile_column" json:"mobile_column" param:"min=1"`
	UserIDColumn int `yaml:"user_id_column" json:"user_id_column" param:"min=1"`
	EmailColumn  int `yaml:"email_column" json:"email_column" param:"min=1"`
	SinceColumn  int `yaml:"since_column" json:"since_column" param:"min=1"`
}

// given is the key of the first column that an entry names, nil for none.
func (columns) given(value *yaml.Node) *yaml.Node {
	for _, name := range []string{"mobile_column", "user_id_column", "email_column", "since_column"} {
		if at, _ := yamlvalue.Lookup(value, name); at != nil {
			return at
		}
	}
	return nil
}

// row is a row of a table: what the cells hold, and how people see them where that is known.
type row struct {
	cells []any
	shown []string
}

// text is a cell as text; a number has all its digits.
func (r row) text(column int) (string, error) {
	if column > len(r.cells) {
		return "", fmt.Errorf("there is no column %d: the table has %d", column, len(r.cells))
	}
	switch v := r.cells[column-1].(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case json.Number:
		if x, ok := new(big.Rat).SetString(v.String()); ok && x.IsInt() {
			return x.Num().String(), nil
		}
		return v.String(), nil
	default:
		return "", fmt.Errorf("column %d has a value that is no text", column)
	}
}

// display is a cell as people see it.
func (r row) display(column int) (string, error) {
	if column <= len(r.shown) {
		return strings.TrimSpace(r.shown[column-1]), nil
	}
	return r.text(column)
}

// members are the people of a department.
func members(result []byte, _ columns, _ time.Time) (p owners.People, err error) {
	var got struct {
		Users []struct {
			UserID string `json:"userid"`
		} `json:"users"`
	}
	if err := json.Unmarshal(result, &got); err != nil {
		return p, fmt.Errorf("read the members: %w", err)
	}
	for _, u := range got.Users {
		p.Add(owners.People{UserIDs: []string{u.UserID}})
	}
	return p, nil
}

// queried are the people in the rows of a query.
func queried(result []byte, c columns, now time.Time) (owners.People, error) {
	var rows [][]any
	if err := decode(result, &rows); err != nil || rows == nil {
		return owners.People{}, errors.New("the query gives no rows: it must be one SELECT")
	}
	table := make([]row, len(rows))
	for i, cells := range rows {
		table[i].cells = cells
	}
	return c.people(table, now)
}

// cells are the people in a range of a sheet.
func cells(result []byte, c columns, now time.Time) (owners.People, error) {
	var got struct {
		Data struct {
			Values [][]any    `json:"values"`
			Shown  [][]string `json:"displayValues"` //nolint:tagliatelle // DingTalk's own key
		} `json:"range_data"`
	}
	if err := decode(result, &got); err != nil {
		return owners.People{}, fmt.Errorf("read the range: %w", err)
	}
	table := make([]row, len(got.Data.Values))
	for i, cells := range got.Data.Values {
		table[i].cells = cells
		if i < len(got.Data.Shown) {
			table[i].shown = got.Data.Shown[i]
		}
	}
	return c.people(table, now)
}

// decode keeps the digits of numbers.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// people are those in the rows, or with a column since in the rows with the last date that has
// come. The first row may be a heading. No error says what a cell holds: it may be about a person.
func (c columns) people(table []row, now time.Time) (p owners.People, err error) {
	if c.MobileColumn == 0 && c.UserIDColumn == 0 && c.EmailColumn == 0 {
		c.MobileColumn = 1
	}
	var last time.Time
	for i, r := range table {
		since, found, err := c.read(r, now.Location())
		switch {
		case err != nil && i == 0:
			continue // a heading
		case err != nil:
			return owners.People{}, fmt.Errorf("row %d: %w", i+1, err)
		case since.After(now) || since.Before(last):
			continue
		case since.After(last):
			p, last = owners.People{}, since
		}
		p.Add(found)
	}
	return p, nil
}

// read takes a row apart. A row without a date, where there should be one, is nobody's.
func (c columns) read(r row, zone *time.Location) (since time.Time, p owners.People, err error) {
	if c.SinceColumn > 0 {
		text, err := r.display(c.SinceColumn)
		if err != nil || text == "" {
			return since, p, err
		}
		if since, err = date(text, zone); err != nil {
			return since, p, fmt.Errorf("column %d %w", c.SinceColumn, err)
		}
	}
	var at robot.Content
	for _, part := range []struct {
		column int
		into   *[]string
	}{{c.MobileColumn, &at.AtMobiles}, {c.UserIDColumn, &at.AtUserIDs}, {c.EmailColumn, &p.Emails}} {
		if part.column == 0 {
			continue
		}
		text, err := r.text(part.column)
		if err != nil {
			return since, p, err
		}
		if text != "" {
			*part.into = append(*part.into, text)
		}
	}
	m, err := at.Message(nil)
	if err != nil {
		return since, p, errors.New("it names nobody whom DingTalk could notify: mobile numbers have digits only, user ids no blanks")
	}
	p.Mobiles, p.UserIDs = m.AtMobiles, m.AtUserIDs
	return since, p, nil
}

// date reads a day or moment as databases and sheets write it.
func date(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{
		time.DateOnly, time.DateTime, "2006-01-02 15:04", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999-07:00", time.RFC3339,
		"2006/1/2", "2006/1/2 15:04", "2006/1/2 15:04:05", "2006-1-2", "2006.1.2", "2006年1月2日",
	} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("is no date such as 2026-01-31 or 2026-01-31 18:00")
}
