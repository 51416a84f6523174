package oidc

// quirks are what providers do their own way and can be told by.
type quirks struct {
	// noOfflineScope: Google refuses offline_access, and gives a refresh token
	// for access_type=offline, at every sign-in only with prompt=consent.
	noOfflineScope bool
	// noConsent: Microsoft Entra ID grants offline_access without prompt=consent,
	// and with it shuts out everybody whose tenant forbids them to consent.
	noConsent bool
}

func quirksOf(issuer string, document map[string]any) quirks {
	_, cloud := document["cloud_instance_name"].(string)
	_, graph := document["msgraph_host"].(string)
	return quirks{
		noOfflineScope: issuer == "https://accounts.google.com",
		noConsent:      cloud && graph,
	}
}
