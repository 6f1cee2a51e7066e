import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.kstream.internals.*;

// Prints what Kafka's own serializers write: java.txt is its output. Run with
// the jars of kafka-clients and kafka-streams: java -cp … Vectors.java
class Vectors {
    static final HexFormat HEX = HexFormat.of();

    static <T> void put(String type, String name, Serde<T> serde, T value) {
        byte[] bytes = serde.serializer().serialize("t", value);
        System.out.println(type + " " + name + " " + (bytes == null ? "null" : "x" + HEX.formatHex(bytes)));
    }

    static <T> void list(String name, Serde<T> inner, List<T> values) {
        put("list", name, Serdes.ListSerde(ArrayList.class, inner), values);
    }

    public static void main(String[] args) {
        for (String s : List.of("", "a", "hello", "日本", "😀", "a\u0000b")) {
            put("string", "x" + HEX.formatHex(s.getBytes(StandardCharsets.UTF_8)), Serdes.String(), s);
        }
        for (short n : new short[] {0, 1, -1, 258, Short.MIN_VALUE, Short.MAX_VALUE}) {
            put("int16", "" + n, Serdes.Short(), n);
        }
        for (int n : new int[] {0, 1, -1, 66051, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            put("int32", "" + n, Serdes.Integer(), n);
        }
        for (long n : new long[] {0, 1, -1, 1_700_000_000_000L, Long.MIN_VALUE, Long.MAX_VALUE}) {
            put("int64", "" + n, Serdes.Long(), n);
        }
        for (float f : new float[] {0f, -0f, 1.5f, Float.MIN_VALUE, Float.MAX_VALUE, Float.POSITIVE_INFINITY,
                Float.NaN, Float.intBitsToFloat(0x7fc00001)}) {
            put("float32", Integer.toHexString(Float.floatToRawIntBits(f)), Serdes.Float(), f);
        }
        for (double d : new double[] {0, -0d, 1.5, Double.MIN_VALUE, Double.MAX_VALUE, Double.NEGATIVE_INFINITY,
                Double.NaN, Double.longBitsToDouble(0x7ff8000000000001L), Double.longBitsToDouble(0xfff8000000000000L)}) {
            put("float64", Long.toHexString(Double.doubleToRawLongBits(d)), Serdes.Double(), d);
        }
        put("bool", "true", Serdes.Boolean(), true);
        put("bool", "false", Serdes.Boolean(), false);
        for (String s : List.of("10203040-5060-7080-90a0-b0c0d0e0f010", "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff")) {
            put("uuid", s, Serdes.UUID(), UUID.fromString(s));
        }
        put("void", "null", Serdes.Void(), null);
        lists();
        windows();
    }

    static void lists() {
        UUID id = UUID.fromString("10203040-5060-7080-90a0-b0c0d0e0f010");
        list("string", Serdes.String(), List.of("ab", "", "c"));
        list("string-empty", Serdes.String(), List.of());
        list("string-null", Serdes.String(), Arrays.asList("ab", null, "c"));
        list("int32", Serdes.Integer(), List.of(1, 2));
        list("int32-empty", Serdes.Integer(), List.of());
        list("int32-null", Serdes.Integer(), Arrays.asList(1, null, 2));
        list("int32-nulls", Serdes.Integer(), Arrays.asList(null, null));
        list("int16", Serdes.Short(), List.of((short) 1, (short) -2));
        list("int64", Serdes.Long(), Arrays.asList(null, 7L));
        list("float32", Serdes.Float(), List.of(1.5f));
        list("float64", Serdes.Double(), List.of(1.5, -2.0));
        list("uuid", Serdes.UUID(), Arrays.asList(id, null));
        list("bool", Serdes.Boolean(), Arrays.asList(true, null, false));
        list("bytes", Serdes.ByteArray(), Arrays.asList(new byte[] {1, 2}, null, new byte[0]));
        list("list", Serdes.ListSerde(ArrayList.class, Serdes.Integer()), Arrays.asList(new ArrayList<>(List.of(1)), null));
    }

    static void windows() {
        Serde<Windowed<String>> time = new WindowedSerdes.TimeWindowedSerde<>(Serdes.String(), 10);
        Serde<Windowed<String>> session = new WindowedSerdes.SessionWindowedSerde<>(Serdes.String());
        for (String key : List.of("k", "", "日本")) {
            for (long start : new long[] {0, 100, 1_700_000_000_000L}) {
                String name = "x" + HEX.formatHex(key.getBytes(StandardCharsets.UTF_8)) + "@" + start + ":" + (start + 10);
                put("timewindow", name, time, new Windowed<>(key, new TimeWindow(start, start + 10)));
                put("session", name, session, new Windowed<>(key, new SessionWindow(start, start + 10)));
            }
        }
    }
}
