package params

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// parseTag reads the param tag.
func (f *field) parseTag(tag string) error {
	if tag == "" {
		return nil
	}
	for part := range strings.SplitSeq(tag, ",") {
		name, value, hasValue := strings.Cut(part, "=")
		switch {
		case part == "required":
			f.required = true
		case part == "template":
			f.template = true
		case part == "late":
			f.late = true
		case part == "secret":
			f.secret = true
		case part == "single":
			f.single = true
		case part == "commas":
			f.single, f.commas = true, true
		case part == "off":
			f.off = true
		case part == "digits":
			f.digits = true
		case part == "minutes":
			f.minutes = true
		case name == "default" && hasValue:
			f.hasDefault, f.defaultText = true, value
		case name == "enum" && value != "":
			f.enum = strings.Split(value, "|")
		case name == "needs" && value != "":
			f.needs = value
		case name == "files" && value != "":
			f.files = strings.Split(value, "|")
		case name == "listed" && value != "":
			f.listedName = value
		case name == "min" && value != "":
			f.hasMin, f.minText = true, value
		case name == "max" && value != "":
			f.hasMax, f.maxText = true, value
		default:
			return fmt.Errorf("unknown option %q in the param tag", part)
		}
	}
	return nil
}

// check finds options that make no sense together or for the type.
func (f *field) check() error {
	base := leaf(f.typ)
	isList := deref(f.typ).Kind() == reflect.Slice
	switch {
	case f.required && f.hasDefault:
		return errors.New("required and default exclude each other")
	case (f.single || f.commas) && !isList:
		return errors.New("single and commas are for lists")
	case f.off && !isList:
		return errors.New("off is for lists")
	case (f.commas || f.digits || len(f.enum) > 0) && base.Kind() != reflect.String:
		return errors.New("commas, digits and enum are for text")
	case f.commas && deref(f.typ).Elem() != base:
		return errors.New("commas is for lists of text")
	case f.minutes && base != durationType:
		return errors.New("minutes is for durations")
	case f.template && f.late:
		return errors.New("template and late exclude each other")
	case f.late && f.typ.Kind() != reflect.String:
		return errors.New("late is for text")
	case f.template && base.Kind() != reflect.String && base != anyType:
		return errors.New("only text, and text in lists, mappings and any, can be a template")
	case len(f.files) > 0 && !f.template:
		return errors.New("files is for templates")
	case (f.hasMin || f.hasMax) && !isNumber(base):
		return errors.New("min and max are for numbers and durations")
	}
	return nil
}

// findListed finds the bool that tells that the field was given as a list.
func (f *field) findListed(rt reflect.Type) error {
	if f.listedName == "" {
		return nil
	}
	sf, ok := rt.FieldByName(f.listedName)
	switch {
	case !f.single:
		return errors.New("listed is for lists with single")
	case !ok || !sf.IsExported() || sf.Type.Kind() != reflect.Bool || sf.Tag.Get("yaml") != "":
		return fmt.Errorf("listed=%s must name an exported bool that is no parameter", f.listedName)
	}
	f.listed = sf.Index
	return nil
}

// deref strips pointers, leaf also lists and maps.
func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func leaf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

func isNumber(t reflect.Type) bool { return t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 }

func (f *field) readRange() (err error) {
	if f.hasMin {
		f.min, err = f.bound(f.minText)
	}
	if f.hasMax && err == nil {
		f.max, err = f.bound(f.maxText)
	}
	return err
}

func (f *field) bound(text string) (float64, error) {
	if leaf(f.typ) == durationType {
		d, err := yamlvalue.ParseDuration(text)
		return d.Seconds(), err
	}
	return strconv.ParseFloat(text, 64)
}

// readDefault decodes the default as if it stood in a file.
func (f *field) readDefault() error {
	if !f.hasDefault {
		return nil
	}
	node := &yaml.Node{Kind: yaml.SequenceNode}
	if deref(f.typ).Kind() != reflect.Slice {
		node = defaultNode(f.typ, f.defaultText)
	} else if f.defaultText != "" {
		for part := range strings.SplitSeq(f.defaultText, "|") {
			node.Content = append(node.Content, defaultNode(f.typ, part))
		}
	}
	f.defaultValue = reflect.New(f.typ).Elem()
	var d decoder
	d.value(f, f.name, node, f.defaultValue)
	if len(d.problems) > 0 {
		return errors.New("default: " + d.problems[0].Text)
	}
	return nil
}

func defaultNode(t reflect.Type, text string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	if leaf(t).Kind() == reflect.String {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}
