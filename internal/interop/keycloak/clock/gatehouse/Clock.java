package gatehouse;

import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import org.keycloak.Config;
import org.keycloak.common.util.Time;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.services.resource.RealmResourceProvider;
import org.keycloak.services.resource.RealmResourceProviderFactory;

/**
 * Sets Keycloak's clock by so many seconds before or behind the real time: PUT
 * /realms/master/gatehouse-clock/61. It has no place beyond tests.
 */
public class Clock implements RealmResourceProvider, RealmResourceProviderFactory {
    @PUT
    @Path("{ahead}")
    public void set(@PathParam("ahead") int ahead) {
        Time.setOffset(ahead);
    }

    @Override
    public String getId() {
        return "gatehouse-clock";
    }

    @Override
    public RealmResourceProvider create(KeycloakSession session) {
        return this;
    }

    @Override
    public Object getResource() {
        return this;
    }

    @Override
    public void init(Config.Scope config) {}

    @Override
    public void postInit(KeycloakSessionFactory factory) {}

    @Override
    public void close() {}
}
