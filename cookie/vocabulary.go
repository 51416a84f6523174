package cookie

// vocabulary is the compressor's dictionary: what the ID, access and refresh
// tokens of common providers say, in their order and spacing, the likeliest last.
// Cookies sealed with one vocabulary don't open with another, so that a new one
// needs a new way of packing beside packedS2.
const vocabulary = `` +
	// Entra
	`"upn":"","unique_name":"","oid":"","tid":"","ver":"2.0","idp":"","idtyp":"user","wids":["","xms_","appid":"","appidacr":"1","uti":"","rh":"","ipaddr":"",` +
	// Cognito, Google
	`"cognito:groups":[""],"token_use":"access","cognito:username":"","event_id":"","origin_jti":"","version":2,"hd":"","https://accounts.google.com",` +
	// OpenID Connect Core §5.1
	`"phone_number":"+","phone_number_verified":false,"zoneinfo":"Europe/","website":"","profile":"",` +
	`"address":{"street_address":"","locality":"","postal_code":"","country":"","region":"","formatted":""},"birthdate":"","gender":"",` +
	// roles of many
	`"client_id":"","clientId":"","tenant":"","organization":"","org_id":"org_","groups":["/"],` +
	`"permissions":["read:","write:","update:","delete:"],"entitlements":["],"scp":["openid","ext":{},` +
	// Auth0
	`"https://example.com/roles":["admin","editor","viewer","user","member","manager","owner"],` +
	`"https://s.gravatar.com/avatar/?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F.png","picture":"https://lh3.googleusercontent.com/a/",` +
	`"nickname":"","updated_at":"2026-updated_at":17,"locale":"en-US","locale":"en",auth0.com/","sub":"auth0|",` +
	`"aud":["https://api.","https://.com/userinfo"],"iat":17,"exp":17,"gty":"password","s_hash":"","c_hash":"","amr":["pwd","mfa","otp"],"nbf":17,` +
	// headers
	`{"alg":"RS256","typ":"JWT","kid":"{"alg":"ES256","typ":"at+jwt","x5t":"{"alg":"HS512","typ" : "JWT","kid" : "{"alg":"RS256","typ" : "JWT","kid" : "-` +
	// Keycloak
	`"}{"exp":17,"iat":17,"auth_time":17,"jti":"onrtac:","iss":"https://login..com/realms/","aud":["account"],"sub":"",` +
	`"typ":"Refresh","typ":"Offline","typ":"ID","typ":"Bearer","azp":"","nonce":"","session_state":"","sid":"","at_hash":"","acr":"1",` +
	`"allowed-origins":["https://"],"realm_access":{"roles":["offline_access","default-roles-","uma_authorization"]},` +
	`"resource_access":{"realm-management":{"roles":["account":{"roles":["manage-account","manage-account-links","view-profile"]}},` +
	`"scope":"openid web-origins acr basic roles offline_access email profile","scope":"openid profile email offline_access",` +
	`"email_verified":true,"name":"","preferred_username":"","given_name":"","family_name":"","email":"@example.com"}`
