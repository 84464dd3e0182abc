package words

// desk has the texts of the pages about alerts, questions, and what concerns all DAGs.
var desk = map[Key]Text{ //nolint:gochecknoglobals // a constant
	"error.number": {EN: "Name it by its number.", ZH: "请用编号指定。"},
}
