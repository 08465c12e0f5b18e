package shop.warehouse;

import java.io.InputStream;
import java.io.ObjectInputStream;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;

/** Reads what the old warehouse program left. */
public class Archive {
    private final Connection connection;

    public Archive(Connection connection) {
        this.connection = connection;
    }

    public ResultSet parcels(String customer) throws Exception {
        return connection.createStatement().executeQuery("SELECT * FROM parcels WHERE customer = '" + customer + "'");
    }

    public ResultSet parcel(int id) throws Exception {
        PreparedStatement found = connection.prepareStatement("SELECT * FROM parcels WHERE id = ?");
        found.setInt(1, id);
        return found.executeQuery();
    }

    public Object restore(InputStream saved) throws Exception {
        return new ObjectInputStream(saved).readObject();
    }

    public Document list(InputStream xml) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(xml);
    }

    public byte[] sum(byte[] parcel) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(parcel);
    }

    public void print(String printer) throws Exception {
        Runtime.getRuntime().exec("lp -d " + printer);
    }
}
