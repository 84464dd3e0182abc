"""The functions of example_python.yaml. They need nothing but Python itself."""

import logging


def count_orders(day, params, ti):
    """Count the orders of a day. Day comes from op_kwargs, params and ti from the context."""
    counts = {shop: 100 * len(shop) for shop in params["shops"]}
    for shop, count in counts.items():
        logging.info("%s had %d orders", shop, count)
    ti.xcom_push(key="shops", value=sorted(counts))
    return {"total": sum(counts.values()), "text": "订单 Orders of %s: %d" % (day, sum(counts.values()))}
