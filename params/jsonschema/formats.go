package jsonschema

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

func unescapePercent(s string) (string, error) { return url.PathUnescape(s) }

// knownFormats are those that Airflow checks, or would with all libraries that it can have.
var knownFormats = map[string]Format{ //nolint:gochecknoglobals // a constant
	"date": date, "date-time": dateTime, "time": clock, "duration": duration,
	"email": email, "idn-email": email, "hostname": hostname, "ipv4": ipv4, "ipv6": ipv6,
	"uri": uri, "iri": uri, "uri-reference": uriReference, "iri-reference": uriReference,
	"uuid": uuid, "regex": expression, "json-pointer": pointer,
}

func date(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return errors.New("want a day, for instance 2026-01-31")
	}
	return nil
}

func dateTime(s string) error {
	upper := strings.ToUpper(s) // t and z are fine
	if _, err := time.Parse(time.RFC3339Nano, upper); err == nil {
		return nil
	}
	// Package time knows no leap seconds.
	if day, rest, ok := strings.Cut(upper, "T"); ok && date(day) == nil && clock(rest) == nil {
		return nil
	}
	return errors.New("want a moment with its zone, for instance 2026-01-31T08:00:00+08:00")
}

// clockForm is a time of day with its zone.
const clockForm = `^([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`

func clock(s string) error {
	wrong := errors.New("want a time of day with its zone, for instance 08:00:00+08:00")
	m := regexp.MustCompile(clockForm).FindStringSubmatch(s)
	if m == nil {
		return wrong
	}
	if m[3] != "60" {
		return nil
	}
	// A leap second is the last one of a day in UTC.
	zone := strings.ToUpper(m[5])
	if zone == "Z" {
		zone = "+00:00"
	}
	at, err := time.Parse("15:04Z07:00", m[1]+":"+m[2]+zone)
	if err != nil || at.UTC().Format("15:04") != "23:59" {
		return wrong
	}
	return nil
}

func duration(s string) error {
	const form = `^P(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?)$`
	if !regexp.MustCompile(form).MatchString(s) || s == "P" || strings.HasSuffix(s, "T") {
		return errors.New("want a duration, for instance P1D or PT90M")
	}
	return nil
}

func email(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return errors.New("want an address, for instance ops@example.com")
	}
	return nil
}

func hostname(s string) error {
	s = strings.TrimSuffix(s, ".")
	label := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	if len(s) > 253 || slices.ContainsFunc(strings.Split(s, "."), func(l string) bool { return !label.MatchString(l) }) {
		return errors.New("want the name of a host, for instance db.example.com")
	}
	return nil
}

func ipv4(s string) error {
	if a, err := netip.ParseAddr(s); err != nil || !a.Is4() {
		return errors.New("want four numbers from 0 to 255, for instance 10.0.0.1")
	}
	return nil
}

func ipv6(s string) error {
	if a, err := netip.ParseAddr(s); err != nil || !a.Is6() || a.Zone() != "" {
		return errors.New("want an address, for instance 2001:db8::1")
	}
	return nil
}

func uri(s string) error {
	if u, err := url.Parse(s); err != nil || !u.IsAbs() {
		return errors.New("want a whole address, for instance https://example.com/x")
	}
	return nil
}

func uriReference(s string) error {
	if _, err := url.Parse(s); err != nil || strings.Contains(s, `\`) {
		return errors.New("want an address or a part of one, for instance /x?y=1")
	}
	return nil
}

func uuid(s string) error {
	if !regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`).MatchString(s) {
		return errors.New("want 32 hexadecimal digits, for instance 123e4567-e89b-12d3-a456-426614174000")
	}
	return nil
}

func expression(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("want a regular expression: %w", err)
	}
	return nil
}

func pointer(s string) error {
	if !regexp.MustCompile(`^(/([^~/]|~[01])*)*$`).MatchString(s) {
		return errors.New("want a JSON pointer, for instance /a/0")
	}
	return nil
}
