"""What shop systems call their columns, in nine languages, the plainest name of each tier first.

A tier says what the column is; an earlier tier is the better answer to our question: the day an order was *placed*
before the day it was paid, an article number before a title. Within a tier the names mean the same.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


def plain(header: object) -> str:
    """Header for comparison: lower case, no accents, words apart ("OrderDate", "Order #", "STÜCK" lose nothing)."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", str(header)))
    text = unicodedata.normalize("NFKD", text.casefold().replace("#", " no "))
    kept = "".join(sign if sign.isalnum() else " " for sign in text if not unicodedata.combining(sign))
    return " ".join(kept.split())


def says_cancelled(state: str) -> bool:
    """Whether the state of an order says that it was cancelled."""
    return _GONE.match(unicodedata.normalize("NFKC", state).casefold().strip()) is not None


def _tier(names: str) -> tuple[str, ...]:
    return tuple(plain(name) for name in names.split("|"))


@dataclass(frozen=True)
class Names:
    """``tiers`` of whole headers; ``parts`` that say as much inside a longer header, unless a ``veto`` is there too."""

    tiers: tuple[tuple[str, ...], ...]
    parts: tuple[str, ...] = ()
    veto: tuple[str, ...] = ()

    def rank(self, header: str) -> tuple[int, int] | None:
        """(tier, place) of a plain header: whole names come before parts; None when it is another column."""
        joined = header.replace(" ", "")  # "Bon-Nummer" is "Bonnummer"
        for number, tier in enumerate(self.tiers):
            for place, name in enumerate(tier):
                if name.replace(" ", "") == joined:
                    return number, place
        if any(_holds(header, word) for word in self.veto):
            return None
        found = [place for place, part in enumerate(self.parts) if _holds(header, part)]
        return (len(self.tiers), found[0]) if found else None

    def whole(self, header: str) -> bool:
        """Whether the header is one of the names, not just one that holds a part."""
        rank = self.rank(header)
        return rank is not None and rank[0] < len(self.tiers)


def _holds(header: str, part: str) -> bool:
    """Whether ``part`` is in ``header`` as words; Chinese and Japanese have no blanks between words."""
    return part in header if not part.isascii() else f" {part} " in f" {header} "


def _names(*tiers: str, parts: str = "", veto: str = "") -> Names:
    return Names(tuple(map(_tier, tiers)), _tier(parts) if parts else (), _tier(veto) if veto else ())


ROLES: dict[str, Names] = {
    "order_id": _names(
        "order id|order number|order no|order nr|amazon order id|invoice|invoice no|invoice number|receipt|receipt no|"
        "receipt number|transaction id|basket id|order reference|order ref|bestellnummer|bestellnr|"
        "auftragsnummer|auftragsnr|rechnungsnummer|belegnummer|belegnr|bonnummer|numero de commande|"
        "n commande|no commande|id commande|commande|numero de pedido|n pedido|no pedido|id pedido|pedido|"
        "numero ordine|n ordine|id ordine|ordine|numero d ordine|bestelnummer|ordernummer|numero do pedido|"
        "订单编号|订单号|订单id|主订单编号|父订单号|交易编号|注文番号|注文id|受注番号|伝票番号",
        "order|order name|bestellung|auftrag|merchant order id|子订单编号|order key",
        parts="order id|order number|order no|bestellnummer|auftragsnummer|订单编号|订单号|注文番号|受注番号",
        veto="purchase order|item|line|position",
    ),
    "product_id": _names(
        "sku|lineitem sku|line item sku|item sku|variant sku|product sku|seller sku|merchant sku|item code|article|"
        "article number|article no|article id|stock code|product code|product number|product no|artikelnummer|"
        "artikelnr|artikel nr|art nr|artikel id|materialnummer|reference produit|reference article|ref produit|"
        "ref article|code produit|code article|codigo articulo|codigo de articulo|codigo producto|codigo de producto|"
        "referencia|codice articolo|codice prodotto|artikelcode|productcode|codigo do produto|codigo produto|"
        "商家编码|商品编码|货号|sku编码|商品sku|sku id|外部系统编号|商品コード|商品番号|商品管理番号|品番",
        "product id|item id|item no|item number|variant id|produkt id|id produit|id producto|id prodotto|id produto|"
        "商品编号|商品id|宝贝id|商品序号|unique id|series|series id",
        "asin|ean|ean code|gtin|upc|barcode|条码|商品条码|janコード|code|ref|reference|codice|codigo",
        "product|item|lineitem name|item name|product name|product title|line item name|title|description|artikel|"
        "artikelname|artikelbezeichnung|bezeichnung|produkt|produktname|produit|nom du produit|designation|libelle|"
        "articulo|producto|nombre del producto|articolo|prodotto|nome prodotto|descrizione|product naam|productnaam|"
        "omschrijving|produto|nome do produto|descricao|宝贝标题|商品名称|商品标题|标题|商品名|品名|宝贝名称|商品|产品",
        parts="sku|item code|product id|artikelnummer|商家编码|商品编码|商品コード|商品番号|product|article|artikel|"
        "produkt",
        veto="parent|url|image|cost|price|category|type|status|数量|group|tax|discount|weight|total|quantity|variation|"
        "gruppe|preis|menge|line|number of",
    ),
    "timestamp": _names(
        "created at|order date|order time|order datetime|order timestamp|ordered at|order created at|order created|"
        "date created|created|creation date|purchase date|purchased at|invoice date|transaction date|transaction time|"
        "transaction timestamp|sale date|sales date|date of sale|bestelldatum|auftragsdatum|bestellt am|kaufdatum|"
        "verkaufsdatum|rechnungsdatum|belegdatum|date de commande|date commande|date de la commande|date de vente|"
        "fecha de pedido|fecha del pedido|fecha pedido|fecha de compra|fecha de venta|data ordine|data dell ordine|"
        "data di acquisto|besteldatum|orderdatum|verkoopdatum|data do pedido|data da compra|data da venda|下单时间|"
        "订单创建时间|创建时间|拍下时间|下单日期|订单时间|订单日期|成交时间|注文日時|注文日|受注日時|受注日|購入日",
        "timestamp|date|datetime|date time|date and time|datum|date heure|fecha|fecha y hora|data|data e ora|data hora|"
        "ds|day|tag|jour|dia|giorno|dag|日期|时间|日付|日時|年月日|week|week start|week starting|week beginning|"
        "week ending|week end|woche|kw|semaine|semana|settimana|周|month|monat|mois|mes|mese|maand|月份|月|"
        "year month|yearmonth|yyyymm|calendar month|year week|yearweek|yyyyww|yyyy ww|iso week|calendar week|"
        "kalenderwoche|period|periode|periodo|quarter|quartal|trimestre|kwartaal|季度",
        "paid at|paid date|date paid|payment date|payment time|payments date|zahlungsdatum|bezahlt am|"
        "date de paiement|fecha de pago|data pagamento|data di pagamento|betaaldatum|data do pagamento|付款时间|"
        "订单付款时间|支付时间|付款日期|入金日|決済日",
        "shipped at|ship date|shipping date|shipped date|date shipped|shipment date|fulfilled at|delivery date|"
        "versanddatum|lieferdatum|date d expedition|date de livraison|fecha de envio|data spedizione|verzenddatum|"
        "data de envio|发货时间|完成时间|発送日|出荷日",
        parts="order date|purchase date|date|datum|fecha|下单时间|日期|时间|注文日|日時",
        veto="updated|update|modified|birth|birthday|cancelled|canceled|cancel|refund|refunded|due|expiry|expiration|"
        "promise|latest|earliest|更新|取消|退款",
    ),
    "quantity": _names(
        "quantity|qty|lineitem quantity|line item quantity|item quantity|item qty|order quantity|quantity purchased|"
        "quantity ordered|qty ordered|ordered quantity|units|units sold|units ordered|quantity sold|qty sold|"
        "pieces|pcs|menge|anzahl|stuck|stk|stuckzahl|bestellmenge|bestellte menge|absatz|absatzmenge|quantite|qte|"
        "quantite commandee|cantidad|cant|unidades|uds|quantita|qta|pezzi|aantal|hoeveelheid|stuks|quantidade|qtd|"
        "qtde|数量|购买数量|订购数量|商品数量|宝贝数量|下单数量|件数|销售数量|個数|数|注文数|注文数量|購入数",
        "quantity refund|net quantity|quantity net|quantity shipped|qty shipped|shipped quantity",
        parts="quantity|qty|units|menge|anzahl|quantite|cantidad|quantita|aantal|quantidade|数量|個数",
        veto="refund|refunded|returned|cancelled|canceled|stock|inventory|available|total|price|min|max|discount|"
        "总数量|退|库存|在庫",
    ),
    "unit_price": _names(  # the header itself says that it is for one unit
        "unit price|price per unit|price each|price per item|item cost|unit cost to customer|single price|einzelpreis|"
        "stuckpreis|preis pro stuck|einzelpreis brutto|einzelpreis netto|prix unitaire|prix unit|pu|pu ttc|pu ht|"
        "precio unitario|precio unidad|prezzo unitario|stuksprijs|eenheidsprijs|prijs per stuk|preco unitario|"
        "valor unitario|单价|商品单价|単価|商品単価",
        parts="unit price|einzelpreis|prix unitaire|precio unitario|prezzo unitario|单价|単価",
        veto="compare|cost|purchase|tax|list|msrp|rrp|成本|原价",
    ),
    "price": _names(  # may be for one unit or for the line: the numbers decide
        "price|lineitem price|item price|product price|sale price|selling price|sales price|price paid|net price|"
        "gross price|preis|verkaufspreis|vk|vk preis|prix|prix de vente|precio|precio de venta|prezzo|"
        "prezzo di vendita|prijs|verkoopprijs|preco|preco de venda|价格|商品价格|京东价|成交价|售价|销售价|価格|"
        "販売価格|商品価格",
        "amount|value|betrag|wert|montant|importe|importo|bedrag|valor|金额|金額|商品金额",
        parts="price|preis|prix|precio|prezzo|prijs|preco|价格|価格",
        veto="compare|shipping|ship|tax|total|discount|cost|purchase|list|msrp|rrp|uvp|gift|wrap|refund|refunded|"
        "designation|promotion|运费|成本|原价|送料|定価",
    ),
    "line_total": _names(  # the header itself says that it is for the whole line
        "line total|order line total|item total|lineitem total|total price|line amount|row total|line revenue|"
        "item revenue|gross sales|net sales|line subtotal|line value|extended price|sales value|revenue|turnover|"
        "sales amount|zeilensumme|positionswert|"
        "positionssumme|gesamtpreis|summe|umsatz|total ligne|prix total|chiffre d affaires|ca|importe total|"
        "precio total|total linea|totale riga|prezzo totale|totaal|regeltotaal|totaalprijs|omzet|preco total|"
        "valor total|小计|总价|商品总价|买家应付货款|商品总金额|销售额|小計|売上|売上金額",
        "total|gesamt|totale|subtotal|买家实际支付金额|实付金额|实际支付金额",
        parts="line total|item total|小计|小計",
        veto="tax|shipping|refund|refunded|discount",
    ),
    "start": _names(  # first and last day of what is planned
        "start|start date|from|begin|begins|valid from|first day|von|ab|beginn|startdatum|gultig von|du|debut|"
        "date debut|date de debut|desde|inicio|fecha inicio|da|dal|inizio|data inizio|van|begindatum|de|data inicio|"
        "开始日期|开始|開始日|開始",
    ),
    "end": _names(
        "end|end date|to|until|till|valid to|last day|bis|ende|enddatum|gultig bis|au|fin|date fin|date de fin|hasta|"
        "fecha fin|al|fine|data fine|tot|einddatum|ate|fim|data fim|结束日期|结束|終了日|終了",
    ),
    "customer_id": _names(
        "customer id|customer number|customer no|client id|buyer id|user id|household id|kundennummer|kundennr|"
        "kunden nr|kunden id|numero client|id client|code client|id cliente|codigo cliente|codice cliente|klantnummer|"
        "klant id|买家会员名|买家昵称|下单帐号|下单账号|客户编号|用户id|会员id|买家id|顧客id|会員番号|顧客番号",
        "customer email|email|e mail|email billing|billing email|buyer email|customer e mail|mail|courriel|"
        "correo electronico|メールアドレス|邮箱",
        "customer|customer name|buyer|buyer name|client|kunde|kundenname|cliente|klant|客户|买家|顧客|客户姓名",
    ),
    "location_id": _names(
        "store|store id|store code|store number|shop|shop id|branch|branch id|location|location id|outlet|warehouse|"
        "filiale|filial|filialnummer|markt|standort|lager|magasin|boutique|point de vente|tienda|almacen|sucursal|"
        "negozio|punto vendita|magazzino|winkel|vestiging|filiaal|magazijn|loja|armazem|filial id|店铺|门店|仓库|"
        "店铺名称|门店名称|店舗|店舗名|倉庫",
        parts="store id|shop id|warehouse",
    ),
    "discount": _names(
        "lineitem discount|line discount|item discount|discount per line|item promotion discount|discount amount|"
        "rabattbetrag|优惠金额|折扣金额|値引額|割引額",
        "discount|rabatt|nachlass|remise|reduction|descuento|sconto|korting|desconto|优惠|値引",
        veto="code|percent|shipping",
    ),
    "status": _names(
        "order status|financial status|status|state|item status|payment status|bestellstatus|auftragsstatus|statut|"
        "statut commande|etat|estado|estado del pedido|stato|stato ordine|orderstatus|situacao|status do pedido|"
        "订单状态|交易状态|状态|注文ステータス|ステータス|注文状況",
    ),
    "cancelled_at": _names("cancelled at|canceled at|date cancelled|cancelled date|storniert am|取消时间"),
    "currency": _names("currency|currency code|order currency|wahrung|devise|moneda|valuta|moeda|币种|通貨"),
    "country": _names(
        "country|ship country|billing country|shipping country|country code|country code billing|"
        "country code shipping|land|pays|pais|paese|国家|国",
        "sales channel",
    ),
    "stock": _names(
        "stock|on hand|stock on hand|quantity on hand|qty on hand|in stock|available|available quantity|inventory|"
        "inventory quantity|variant inventory qty|stock level|stock quantity|bestand|lagerbestand|lagermenge|"
        "verfugbar|stock disponible|quantite en stock|existencias|stock actual|giacenza|disponibilita|voorraad|"
        "op voorraad|estoque|库存|库存数量|可用库存|现有库存|在庫|在庫数|quantity|qty|menge|数量",
        parts="stock|on hand|inventory|bestand|voorraad|库存|在庫",
    ),
    "y": _names(
        "y|units sold|units|demand|sales units|sold units|quantity sold|quantity|qty|sold|absatz|menge|nachfrage|"
        "verkaufte menge|quantite|quantite vendue|unidades|unidades vendidas|cantidad|quantita|quantita venduta|"
        "aantal|verkocht|quantidade|quantidade vendida|销量|销售量|销售数量|数量|販売数|販売数量|売上数",
        "sales|weekly sales|daily sales|monthly sales|volume|sales volume|verkaufe|ventes|ventas|vendite|verkopen|"
        "vendas|销售|売上",
        parts="units|sold|demand|销量|販売数",
        veto="price|stock",
    ),
    "category": _names(
        "category|product category|department|family|brand|vendor|product type|type|group|product group|kategorie|"
        "warengruppe|marke|hersteller|categorie|rayon|marque|famille|categoria|familia|marca|reparto|merk|"
        "类目|品类|品牌|分类|カテゴリ|カテゴリー|ブランド",
    ),
}

SIGNATURES = (  # headers that give a system away, and what a header means there and nowhere else
    ({"lineitem quantity", "lineitem price", "name"}, {"order_id": "name"}),  # Shopify: Name is the order's
)
# a state that says: in the end nobody wanted this order
_GONE = re.compile(
    r"(cancel|void|fail|trash|storn|abgebroch|annul|anul|geannul)(?!.*(request|pending|denied|partial))"
    r"|.*(交易关闭|已关闭|取消|キャンセル)"
)
CURRENCY_COUNTRY = {"usd": "US", "gbp": "GB", "cny": "CN", "rmb": "CN", "jpy": "JP", "chf": "CH", "pln": "PL"} | {
    "sek": "SE", "dkk": "DK", "nok": "NO", "brl": "BR", "cad": "CA", "aud": "AU", "mxn": "MX", "inr": "IN"
}  # fmt: skip
CHANNEL_COUNTRY = {"amazon.de": "DE", "amazon.fr": "FR", "amazon.it": "IT", "amazon.es": "ES", "amazon.nl": "NL"} | {
    "amazon.com": "US", "amazon.co.uk": "GB", "amazon.co.jp": "JP", "amazon.ca": "CA", "amazon.com.br": "BR"
}  # fmt: skip
LANGUAGES = {  # country to propose: its language, and column names that no other language here has
    "DE": ("German", ("menge", "artikelnr", "artikelnummer", "einzelpreis", "bestellnummer", "bestelldatum", "preis")),
    "FR": ("French", ("quantité", "prix", "commande", "produit", "article", "prix unitaire", "date de commande")),
    "ES": ("Spanish", ("cantidad", "fecha", "precio", "pedido", "producto", "unidades", "precio unitario")),
    "IT": ("Italian", ("quantità", "prezzo", "ordine", "articolo", "prodotto", "prezzo unitario", "data ordine")),
    "NL": ("Dutch", ("aantal", "prijs", "bestelnummer", "besteldatum", "stuksprijs", "artikelcode", "hoeveelheid")),
    "PT": ("Portuguese", ("quantidade", "preço", "produto", "preço unitário", "data do pedido", "qtde")),
}
