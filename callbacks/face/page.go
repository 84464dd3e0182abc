package face

import (
	"strconv"
	"strings"
)

// ActPage is the purpose of links to the page of a button.
const ActPage = "act"

// ActSubject is the subject of a link to the page of a button of a message.
func ActSubject(outTrackID string, a Action) string { return outTrackID + "/" + string(a) }

// ParseActSubject is what [ActSubject] was made of.
func ParseActSubject(subject string) (outTrackID string, a Action) {
	i := strings.LastIndexByte(subject, '/')
	return subject[:max(i, 0)], Action(subject[i+1:])
}

// AskPage is the purpose of links to the page on which people answer what a task asks.
const AskPage = "ask"

// AskSubject is the subject of a link to the page of an ask that left through a connection.
func AskSubject(id int64, connID string) string { return strconv.FormatInt(id, 10) + "/" + connID }

// ParseAskSubject is what [AskSubject] was made of.
func ParseAskSubject(subject string) (id int64, connID string, err error) {
	number, connID, _ := strings.Cut(subject, "/")
	id, err = strconv.ParseInt(number, 10, 64)
	return id, connID, err
}
