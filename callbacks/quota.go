package callbacks

import (
	"fmt"
	"strconv"
	"time"
)

// Quota tells how much of its messages of a month a robot has had.
type Quota struct {
	// Robot is the connection by which it was sent to last.
	Robot string `json:"robot"`
	// Month is the month, by the calendar of China, such as 2026-11.
	Month string `json:"month"`
	// Sent is how many messages it has had in it, Limit how many it is to get.
	Sent  int `json:"sent"`
	Limit int `json:"limit"`
}

// Spent reports whether all of it is used up.
func (q *Quota) Spent() bool { return q.Sent >= q.Limit }

// quotaHeadline says how much is left.
func quotaHeadline(q *Quota) string {
	if q != nil && q.Spent() {
		return "月度额度已用尽 Quota of the month used up"
	}
	return "月度额度将用尽 Quota of the month nearly used up"
}

// subject names the robot, and how much it has had.
func (q *Quota) subject() string { return q.Robot + ": " + q.Used() }

// Used is how much of the quota is used up: "4,000 of 5,000 messages".
func (q *Quota) Used() string { return Grouped(q.Sent) + " of " + Grouped(q.Limit) + " messages" }

// Sum tells it in a line that begins with the robot.
func (q *Quota) Sum() string {
	of := q.Month
	if m, err := time.Parse("2006-01", q.Month); err == nil {
		of = m.Month().String()
	}
	return fmt.Sprintf("robot %s has sent %s of %s", q.Robot, q.Used(), of)
}

// Grouped writes a number of 0 or more with commas between thousands.
func Grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", Grouped(n/1000), n%1000)
}
