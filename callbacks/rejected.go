package callbacks

import "strings"

const instead = "is not supported as a callback: use dingding, http or email"

// rejectedNames are the notifiers of Airflow that have no counterpart here, by short
// name and by the class or function that Airflow has in module
// airflow.providers.NAME.notifications.
func rejectedNames() map[string][]string {
	return map[string][]string{
		"slack":         {"SlackNotifier", "send_slack_notification"},
		"slack_webhook": {"SlackWebhookNotifier", "send_slack_webhook_notification"},
		"discord":       {"DiscordNotifier"},
		"pagerduty":     {"PagerdutyNotifier", "send_pagerduty_notification"},
		"opsgenie":      {"OpsgenieNotifier", "send_opsgenie_notification"},
		"apprise":       {"AppriseNotifier", "send_apprise_notification"},
	}
}

// Rejected reports whether name is a notifier that is known and not supported, and
// says what to use instead. It takes short names and Airflow's dotted paths.
func Rejected(name string) (message string, ok bool) {
	last := name[strings.LastIndexByte(name, '.')+1:]
	ours := strings.HasPrefix(name, "airflow.providers.")
	for short, classes := range rejectedNames() {
		if name == short {
			return short + " " + instead, true
		}
		for _, class := range classes {
			if ours && last == class {
				return short + " " + instead, true
			}
		}
	}
	return "", false
}
